/** Where the site is. */

import { PageConfig } from "@jupyterlab/coreutils";

/** The site's address, absolute: its apps are pages below it. */
export function siteUrl(): string {
  return new URL(PageConfig.getBaseUrl(), document.baseURI).href;
}
