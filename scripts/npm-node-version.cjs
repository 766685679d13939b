/**
 * Loaded into npm before its own code: npm silently leaves out optional packages, native parts of
 * tools among them, that do not name the Node it runs on. They will be run by the Node that is
 * installed with them, so that is the version npm has to judge by. Same syntax as Node 18.
 */
Object.defineProperty(process, 'version', { value: `v${process.env.STOWAGE_NODE_VERSION}` });
