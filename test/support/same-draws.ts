import fc from 'fast-check';

/**
 * Properties are tried with the same draws in each run: what fails then is what was changed. `PITR_SEED=$RANDOM` takes
 * others; the failure of a property names the seed that it was found with.
 */
fc.configureGlobal({ seed: Number(process.env.PITR_SEED ?? 20_261_129) });
