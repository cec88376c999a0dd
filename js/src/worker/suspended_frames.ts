/**
 * Python's frames are hidden while their stack is suspended.
 *
 * Pyodide copies the C stack of a suspended call away when another needs the place. But a part of the chain of Python's
 * frames is on the C stack, and the collector of Python 3.14, `sys.monitoring` and `sys._current_frames` follow the
 * chains of all thread states: they would read what lies there now, and write to it. They pass by a thread state that
 * has no frame.
 */

/** What Pyodide's `saveState` gives and its `restoreState` takes. */
interface SavedState {
  /** The address of a PyThreadState. */
  readonly threadState: number;
  /** The address of its current frame. */
  frame?: number;
}

/** Those imports of Pyodide's WebAssembly that are wrapped. */
interface StackImports {
  /** Gives an error value, which is no SavedState, where it cannot. */
  saveState: () => unknown;
  restoreState: (state: SavedState) => void;
}

interface PythonExports {
  readonly memory: WebAssembly.Memory;
  /** The address of C's `_PyRuntime`, which begins with a `_Py_DebugOffsets`. */
  readonly _PyRuntime: WebAssembly.Global<"i32">;
}

const PYTHON_3_14 = 0x030e;
/** What is read of C's `_Py_DebugOffsets`, which is an array of 64-bit numbers but for the first. */
const VERSION = 1;
const CURRENT_FRAME = 26;

/** Wrap the imports of Pyodide's WebAssembly; what it returns is to be called with the instance. */
export function hideSuspendedFrames(imports: WebAssembly.Imports): (instance: WebAssembly.Instance) => void {
  const env = imports["env"] as unknown as StackImports | undefined;
  if (env === undefined || !("saveState" in env)) {
    return () => undefined; // another WebAssembly
  }
  const { saveState, restoreState } = env;
  let memory: WebAssembly.Memory | undefined;
  let offset = 0;
  const swapFrame = (threadState: number, frame: number): number => {
    const words = new Uint32Array(memory?.buffer ?? new ArrayBuffer(0));
    const index = (threadState + offset) / Uint32Array.BYTES_PER_ELEMENT;
    const hidden = words[index] ?? 0;
    words[index] = frame;
    return hidden;
  };
  env.saveState = (): unknown => {
    const state = saveState();
    if (memory !== undefined && isSaved(state)) {
      state.frame = swapFrame(state.threadState, 0);
    }
    return state;
  };
  env.restoreState = (state): void => {
    if (state.frame !== undefined) {
      swapFrame(state.threadState, state.frame);
    }
    restoreState(state);
  };
  return (instance) => {
    const python = instance.exports as unknown as PythonExports;
    const offsets = new BigUint64Array(python.memory.buffer, python._PyRuntime.value, CURRENT_FRAME + 1);
    if (Number(offsets[VERSION]) >>> 16 === PYTHON_3_14) {
      offset = Number(offsets[CURRENT_FRAME]);
      memory = python.memory;
    }
  };
}

function isSaved(state: unknown): state is SavedState {
  return typeof state === "object" && state !== null && "threadState" in state;
}
