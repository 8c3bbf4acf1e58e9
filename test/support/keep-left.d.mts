export function keepLeft(temporary: string, evidence: string): void;
