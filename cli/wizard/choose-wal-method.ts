import { WAL_METHODS, type WalMethod } from '../recover/order.ts';
import { choose, type Prompt } from './prompt.ts';

/** How WAL is fetched. Nothing where the inventory or `-e` has said it of the node (`told`): that holds, and is not asked. */
export async function chooseWalMethod(
  prompt: Prompt,
  told: string | undefined,
): Promise<WalMethod | undefined> {
  if (told !== undefined) {
    prompt.say(['', `WAL is fetched by ${told}: so say the inventory or -e (wal_method).`]);
    return undefined;
  }
  prompt.say([
    '',
    '  1  barman-wal-restore   recommended',
    '  2  barman-get-wal       where the first is not installed on the node',
    '',
  ]);
  return choose(
    prompt,
    'How WAL is fetched',
    WAL_METHODS.map((name) => ({ name, value: name })),
    1,
  );
}
