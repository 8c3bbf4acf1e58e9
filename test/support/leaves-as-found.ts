import { afterAll, expect } from 'vitest';

/** Files share their process: where one leaves another place for runs, or another working directory, the next one works there. */
const asItIs = () => ({ runs: process.env.PITR_STATE_DIR, directory: process.cwd() });
const found = asItIs();

afterAll(() => expect(asItIs()).toEqual(found));
