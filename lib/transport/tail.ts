const LINES = 12;
const CHARACTERS = 2000;

/** The end of a text, where the reason usually stands: whole lines, at most a screenful. */
export function tail(text: string): string {
  const lines = text.trim().split('\n').slice(-LINES).join('\n');
  return lines.length <= CHARACTERS ? lines : `...${lines.slice(-CHARACTERS)}`;
}
