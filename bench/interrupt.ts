const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => controller.abort(new Error(`the bench was ended by ${name}`)));

/** Ends what is measured when the bench is ended, so that it still stops the hosts that it has started. */
export const interrupted: AbortSignal = controller.signal;
