/**
 * `node --import …/register.ts out/main/index.js`: the desktop host under plain Node 24, with `electron` resolved to
 * the stand-in. For machines without the Electron program; where it is installed, the same tests run on Electron.
 */
import { registerHooks } from 'node:module'

const standIn = new URL('./electron.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier === 'electron/main'
      ? { url: standIn, shortCircuit: true }
      : next(specifier, context),
})
