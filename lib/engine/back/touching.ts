import type { WriteHost } from '../../contract/host.ts';
import type { RunResult } from '../../transport/types.ts';

/**
 * The same host, which tells by `touched` that something may have been written there: a command has ended well, or nobody
 * can tell how far it came. A script that looks and refuses before it begins ends with another code.
 */
export function tellingTouched(host: WriteHost, touched: () => void): WriteHost {
  const told = async <T>(work: Promise<T>, wasRefused: (result: T) => boolean): Promise<T> => {
    try {
      const result = await work;
      if (!wasRefused(result)) touched();
      return result;
    } catch (thrown) {
      touched();
      throw thrown;
    }
  };
  const isRefusal = ({ exitCode = 0 }: RunResult): boolean => exitCode !== 0;
  return {
    ...host,
    run: (argv, options) => told(host.run(argv, options), isRefusal),
    must: (argv, options) => told(host.must(argv, options), isRefusal),
    batch: (commands, options) => told(host.batch(commands, options), (results) => results.every(isRefusal)),
    spawn: (argv, options) => told(host.spawn(argv, options), () => false),
    writeFile: (path, content, options) => told(host.writeFile(path, content, options), () => false),
    peer: (name) => tellingTouched(host.peer(name), touched),
    afterwards: (deadlineMs) => tellingTouched(host.afterwards(deadlineMs), touched),
  };
}
