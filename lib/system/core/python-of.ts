/**
 * `sh`: a function `name ARGUMENT...` that runs a program with the Python of a tool: the tool's first line names the
 * interpreter, and it may be one of a virtual environment. `python3` where that tells nothing.
 */
export function pythonOf(tool: string, name: string, program: string): string {
  if (program.includes("'"))
    throw new Error('a single quote would end the program: it stands between such in sh');
  return `
${name}() {
  interpreter=$(head -c 300 "$(command -v ${tool} 2>/dev/null)" 2>/dev/null | sed -n '1s/^#! *//p')
  case $interpreter in *python*) ;; *) interpreter=python3 ;; esac
  $interpreter -c '${program}' "$@"
}`;
}
