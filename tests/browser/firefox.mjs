/**
 * Run cells in Firefox, by WebDriver BiDi: `node firefox.mjs PROGRAM URL CELLS SCREENSHOT`.
 *
 * CELLS is JSON: a list of `{code, stop, answer}`: a cell is stopped by the stop button once it has printed "begins", or
 * gets an answer to its question. Prints each cell's outputs in the end, as a list in JSON, a line for each;
 * if something does not come, the page is kept as SCREENSHOT, a PNG file.
 */

import puppeteer, { TimeoutError } from "puppeteer-core";

const [executablePath, url, cells, screenshot] = process.argv.slice(2);
const all = JSON.parse(cells);
const started = (await launch()) ?? (await launch());
if (started === undefined) {
  throw new Error("JupyterLab did not start, in two Firefoxes");
}
const { browser, page } = started;
try {
  await open(page);
  for (const [index, { stop = false, answer }] of all.entries()) {
    const cell = `.jp-Notebook .jp-Cell:nth-child(${index + 1})`;
    await page.evaluate((index) => {
      window.notebook.content.activeCellIndex = index; // a question of the cell before may have kept it
      void window.jupyterapp.commands.execute("notebook:run-cell");
    }, index);
    if (stop) {
      await page.waitForFunction(`document.querySelector("${cell} .jp-OutputArea")?.textContent.includes("begins")`);
      await page.click('.jp-Toolbar [data-command="notebook:interrupt-kernel"], [data-jp-item-name="interrupt"] *');
    }
    if (answer !== undefined) {
      await page.waitForSelector(`${cell} .jp-Stdin-input`);
      await page.type(`${cell} .jp-Stdin-input`, `${answer}\n`);
    }
    await page.waitForFunction(`/\\d/.test(document.querySelector("${cell} .jp-InputArea-prompt")?.textContent)`);
    const outputs = await page.$$eval(`${cell} .jp-OutputArea-output`, (all) =>
      all.map((output) => output.textContent),
    );
    process.stdout.write(`${JSON.stringify(outputs)}\n`);
  }
} catch (error) {
  await page.screenshot({ path: screenshot });
  throw error;
} finally {
  await browser.close();
}

/**
 * Firefox with JupyterLab, or nothing where that stands still: storage and service worker of a new profile of Firefox ESR
 * now and then answer nobody, when the machine is busy. JupyterLab then has no settings and no theme, kernel or not.
 */
async function launch() {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`${url}lab/index.html?reset`);
    await page.waitForFunction("window.jupyterapp?.restored.then(() => true)", {
      timeout: 40_000,
    });
    return { browser, page };
  } catch (error) {
    await browser.close();
    if (!(error instanceof TimeoutError)) {
      throw error;
    }
    return undefined;
  }
}

/** Open a notebook with the cells, its first cell active. */
async function open(page) {
  const cell = {
    cell_type: "code",
    outputs: [],
    execution_count: null,
    metadata: {},
  };
  const content = {
    cells: all.map(({ code }, index) => ({
      ...cell,
      id: `c${index}`,
      source: code,
    })),
    metadata: {
      kernelspec: {
        name: "async",
        display_name: "Python (async)",
        language: "python",
      },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  await page.evaluate(async (content) => {
    const { commands, serviceManager } = window.jupyterapp;
    await serviceManager.contents.save("firefox.ipynb", {
      type: "notebook",
      format: "json",
      content,
    });
    window.notebook = await commands.execute("docmanager:open", {
      path: "firefox.ipynb",
    });
    await window.notebook.sessionContext.ready;
  }, content);
}
