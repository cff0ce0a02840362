/**
 * `node --import …/register.ts out/main/index.js`: the desktop host under plain Node 24, with `electron` answered by
 * the
 * stand-in. For machines where Electron's own program cannot be had; the same tests run on Electron where it can.
 */
import { registerHooks } from 'node:module'

const standIn = new URL('./electron.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier === 'electron/main'
      ? { url: standIn, shortCircuit: true }
      : next(specifier, context),
})
