/** There is no way: Python hears only when it is not busy. */

import type { Strategy } from "./listening.js";

export function noListening(): Strategy {
  return { way: "none", pressed: () => undefined, listening: { way: "none" } };
}
