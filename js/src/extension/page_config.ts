/** The page's configuration, for code that runs before JupyterLab's packages are there. */

/** JupyterLab and its server load the extension too, where they are installed beside it. */
export function isJupyterLite(): boolean {
  return place()?.hasAttribute("data-jupyter-lite-root") === true;
}

/** An option, or undefined. JupyterLite's page has put together what its configuration files say. */
export function pageOption(name: string): unknown {
  const options: unknown = JSON.parse(place()?.textContent ?? "{}");
  return (options as Readonly<Record<string, unknown>>)[name];
}

function place(): HTMLElement | null {
  return document.getElementById("jupyter-config-data");
}
