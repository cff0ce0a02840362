import type { FastifyInstance } from 'fastify'

/** Paths and their methods, recorded as routes are added; tells a wrong method from an unknown path. */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>()

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const methods = this.#methods.get(url) ?? new Set()
      for (const name of [method].flat()) methods.add(name)
      this.#methods.set(url, methods)
    })
  }

  all(): readonly { readonly method: string; readonly path: string }[] {
    return [...this.#methods].flatMap(([path, methods]) => [...methods].map((method) => ({ method, path })))
  }

  /** Methods of the path of this request; empty when there is no such path. */
  methodsOf(target: string): readonly string[] {
    const path = target.split('?')[0] ?? ''
    for (const [pattern, methods] of this.#methods) {
      const expression = new RegExp(`^${pattern.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`)
      if (expression.test(path)) return [...methods].sort()
    }
    return []
  }
}
