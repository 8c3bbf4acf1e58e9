/** Whether a variable that is on or off says yes, in any of the words that Ansible takes for it. */
export function saysYes(value: unknown): boolean {
  return /^(?:true|yes|on|y|1)$/i.test(String(value));
}
