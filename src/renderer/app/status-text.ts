import type { TFunction } from 'i18next'
import type { EngineState } from '../../shared/domain/engine.ts'

/** The shape and colour that go with a state: never the colour alone. */
export const dotOf: Readonly<Record<EngineState['kind'], 'good' | 'amber' | 'red' | 'off'>> = {
  ready: 'good',
  off: 'off',
  starting: 'amber',
  preparing: 'amber',
  loading: 'amber',
  restarting: 'amber',
  failed: 'red',
}

/** The state of an engine in a word or two. */
export function engineText(t: TFunction, engine: EngineState): string {
  switch (engine.kind) {
    case 'off':
      return t('status.off')
    case 'starting':
      return t('status.starting')
    case 'preparing':
      return t('status.preparing', { percent: Math.round(engine.progress * 100) })
    case 'loading':
      return t('status.loading')
    case 'ready':
      return t('status.ready')
    case 'restarting':
      return t('status.restarting', { attempt: engine.attempt })
    case 'failed':
      return t('status.failed')
  }
}
