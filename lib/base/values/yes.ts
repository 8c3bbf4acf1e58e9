/** Whether a variable that is on or off says yes, in any of the words that Ansible takes for it. */
export function saysYes(value: unknown): boolean {
  return /^(?:true|yes|on|y|1)$/i.test(String(value));
}

/** What a text says that other readers of YAML (1.1, Ansible) take for true or false. */
export function spelledBoolean(text: string): boolean | undefined {
  if (/^(?:yes|on|true)$/i.test(text)) return true;
  return /^(?:no|off|false)$/i.test(text) ? false : undefined;
}
