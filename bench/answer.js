/** A worker that answers calls, one after the other. */

/** @param {Record<string, (args: any) => unknown>} methods */
export function answer(methods) {
  let queue = Promise.resolve();
  self.addEventListener("message", ({ data: { id, name, args } }) => {
    queue = queue.then(async () => {
      try {
        self.postMessage({ id, result: await methods[name]?.(args) });
      } catch (error) {
        self.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
      }
    });
  });
}
