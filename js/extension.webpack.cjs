const { join } = require("node:path");

// Named like the extension, it is part of its entry: it runs as soon as that is there, before JupyterLab asks for more.
module.exports = { entry: { "async-kernel-lite": join(__dirname, "early.js") } };
