import { startApp } from './app/start.tsx'
import { connectConsole } from './bridge/connect.ts'

// Before anything else: the key is in the fragment, which belongs to the router afterwards.
const connection = connectConsole(window)
await startApp(connection)
