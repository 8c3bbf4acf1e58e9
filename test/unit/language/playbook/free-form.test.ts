import { describe, expect, it } from 'vitest';
import { splitFreeForm } from '../../../../lib/language/playbook/free-form.ts';
import { loadPlaybook } from '../../../../lib/language/playbook/load.ts';
import { folder, refusal } from './support/folder.ts';

const WORDS = new Set(['creates', 'removes', 'chdir', 'stdin']);

describe('words in a plain text', () => {
  it.each<[string, string, Record<string, string>]>([
    ['tar xf a.tar creates=/srv/a', 'tar xf a.tar', { creates: '/srv/a' }],
    ['chdir=/srv creates="/srv/a b" make all', 'make all', { chdir: '/srv', creates: '/srv/a b' }],
    ['make removes={{ dir }}/x.{{ n }} all', 'make all', { removes: '{{ dir }}/x.{{ n }}' }],
    ['echo "creates=/x" \'chdir=/y\' creates=/z', 'echo "creates=/x" \'chdir=/y\'', { creates: '/z' }],
    ['echo a\\ creates=/x --creates=/x', 'echo a\\ creates=/x --creates=/x', {}],
    ['env user=bob id', 'env user=bob id', {}],
    ['echo  two   blanks', 'echo  two   blanks', {}],
  ])('%s', (text, rest, words) => {
    const form = splitFreeForm(text, WORDS);
    expect(form.text).toBe(rest);
    expect(Object.fromEntries(form.words.map(({ word, value }) => [word, value]))).toEqual(words);
  });
});

async function argsOf(tasks: string): Promise<readonly unknown[]> {
  await using dir = await folder({ 'play.yml': `- hosts: all\n  tasks:\n${tasks}` });
  const { plays } = await loadPlaybook(`${dir.path}/play.yml`);
  return (plays[0]?.tasks ?? []).map((step) => (step.kind === 'task' ? step.args.value : undefined));
}

describe('a task with a plain text', () => {
  it('gives the guard to the module and not to the program', async () => {
    expect(
      await argsOf(`
    - command: /usr/bin/setup --all creates=/etc/done chdir=/opt
    - shell: cat < in > out executable=/bin/bash stdin="a b"
    - command: make
      args: { creates: /x }
    - command: psql user=app
    - shell: user=bob; echo "$user"
`),
    ).toEqual([
      { cmd: '/usr/bin/setup --all', creates: '/etc/done', chdir: '/opt' },
      { script: 'cat < in > out', shell: '/bin/bash', stdin: 'a b' },
      { cmd: 'make', creates: '/x' },
      { cmd: 'psql user=app' },
      { script: 'user=bob; echo "$user"' },
    ]);
  });

  it('is refused where it is not clear, with what to write', async () => {
    await using dir = await folder({
      'play.yml': `- hosts: all
  tasks:
    - command: ls executable=/bin/bash warn=no
    - shell: |
        chdir=/tmp
        cd $chdir
    - debug: msg=hello
    - command: cmd="ls -l"
    - file: path=/tmp/x state=absent
`,
    });
    expect(await refusal(loadPlaybook(`${dir.path}/play.yml`), dir.path)).toMatchInlineSnapshot(`
      "6 problems in play.yml
      play.yml:3:19: command has no "executable="
        1 | - hosts: all
        2 |   tasks:
      > 3 |     - command: ls executable=/bin/bash warn=no
          |                   ^
        no shell runs a command: use core.shell with "shell"
      play.yml:3:40: command has no "warn="
        1 | - hosts: all
        2 |   tasks:
      > 3 |     - command: ls executable=/bin/bash warn=no
          |                                        ^
        leave it out: nothing is warned of
      play.yml:5:9: "chdir=" in a text of several lines: is it for shell or for the shell?
        3 |     - command: ls executable=/bin/bash warn=no
        4 |     - shell: |
      > 5 |         chdir=/tmp
          |         ^
        for shell write it beside the text: args: { chdir: ... }
        a variable of the shell needs another name
      play.yml:7:14: "debug" has its params as name=value
        5 |         chdir=/tmp
        6 |         cd $chdir
      > 7 |     - debug: msg=hello
          |              ^
        write "msg: ..." on a line of its own under debug:
      play.yml:8:16: "command" has its params as name=value
        6 |         cd $chdir
        7 |     - debug: msg=hello
      > 8 |     - command: cmd="ls -l"
          |                ^
        write "cmd: ..." on a line of its own under command:
      play.yml:9:13: "file" has its params as name=value
        7 |     - debug: msg=hello
        8 |     - command: cmd="ls -l"
      > 9 |     - file: path=/tmp/x state=absent
          |             ^
        write "path: ..." on a line of its own under file:"
    `);
  });
});
