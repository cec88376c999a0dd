/** Whether the visitor will want this kernel. */

import { pageOption } from "./page_config.js";
import type { KernelSettings } from "./settings.js";

/** The apps that run nothing themselves: the list of files, and the text editor. */
const WITHOUT_KERNELS: readonly unknown[] = ["/tree", "/edit"];

/**
 * The page's address names the kernel, or names none and it is the site's default; and the visitor spares no data.
 *
 * `others` are the names of the page's kernels, as far as they are known.
 */
export function isWanted({ name, preload }: KernelSettings, others: readonly string[] = []): boolean {
  const { connection } = navigator as { connection?: { readonly saveData?: boolean } }; // not in every browser
  const configured = new URLSearchParams(location.search).get("kernel") ?? pageOption("defaultKernelName") ?? "";
  const [first] = [name, ...others].sort(); // JupyterLite's default
  const wanted = configured === "" ? first : configured;
  return preload && wanted === name && connection?.saveData !== true && !WITHOUT_KERNELS.includes(pageOption("appUrl"));
}
