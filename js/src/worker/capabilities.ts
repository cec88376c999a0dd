/** What this worker can do while Python is busy: the one place in it that knows. */

/** Whether WebAssembly can switch stacks (JSPI). */
export function canSwitchStacks(): boolean {
  return "Suspending" in WebAssembly;
}
