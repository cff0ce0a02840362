import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'

const source = (path: string) => resolve(import.meta.dirname, 'src', path)

/** Names of the files in out/main are an interface: scripts, package.json and the process launchers name them. */
const mainEntries = {
  index: source('main/index.ts'),
  cli: source('main/cli.ts'),
  'engine-process': source('main/inference/process.ts'),
  'storage-worker': source('main/storage/worker.ts'),
  'tool-process': source('main/workshop/process.ts'),
  'text-worker': source('main/text/text-worker.ts'),
}

export default defineConfig({
  main: {
    build: {
      // Every npm dependency stays outside the bundle: koffi and onnxruntime-node find their libraries beside their own files.
      externalizeDeps: true,
      sourcemap: true,
      rolldownOptions: {
        input: mainEntries,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      // A sandboxed preload can require nothing but electron: one CommonJS file.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: source('preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: source('renderer'),
    base: './',
    plugins: [react()],
    build: {
      outDir: resolve(import.meta.dirname, 'out/renderer'),
      emptyOutDir: true,
      // The polyfill would be an inline script, which the content security policy refuses.
      modulePreload: { polyfill: false },
      // Inlined assets would become data: URLs; fonts by data: are refused.
      assetsInlineLimit: 0,
      minify: true,
      // Read from disk, not over a network.
      chunkSizeWarningLimit: 2000,
      rolldownOptions: { input: source('renderer/index.html') },
    },
  },
})
