/** What all kernel tests need before the first one runs: nothing so far. */
export default async function setup(): Promise<void> {}
