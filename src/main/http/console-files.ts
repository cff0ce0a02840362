import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { consolePageHeaders } from '../../shared/contracts/console-page.ts'

/** Serves the built page under /console/ without a key: it is the program's own code and contains no customer data. */
export async function addConsoleFiles(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(fastifyStatic, {
    root: directory,
    prefix: '/console/',
    index: 'index.html',
    dotfiles: 'deny',
    cacheControl: false,
    list: false,
    setHeaders: (reply) => {
      for (const [name, value] of Object.entries(consolePageHeaders)) reply.header(name, value)
    },
  })
  app.get('/console', async (_request, reply) => await reply.redirect('/console/', 308))
}
