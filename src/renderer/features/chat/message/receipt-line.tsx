import { IconChevronDown, IconReceipt } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { memo, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Receipt } from '../../../../shared/domain/generation.ts'
import { duration, number } from '../../../lib/format.ts'
import { providerNames } from '../../../lib/provider-names.ts'
import { CopyButton } from '../../../ui/copy-button.tsx'
import styles from './receipt-line.module.css'

interface ReceiptProps {
  readonly receipt: Receipt
  readonly demo: boolean
}

/** The facts about a reply: one line, all of them on a press. */
export const ReceiptLine = memo(function ReceiptLine({ receipt, demo }: ReceiptProps) {
  const { t, i18n } = useTranslation()
  const [open, setOpen] = useState(false)
  const panel = useId()
  const locale = i18n.language
  const { assistant, truncated } = receipt
  const short = [
    ...(assistant ? [t('receipt.assistantShort', assistant)] : []),
    ...(demo ? [t('app.demo')] : []),
    `${t('receipt.ttftShort')} ${duration(receipt.ttftMs, locale)}`,
    ...(receipt.tokensPerSecond === null ? [] : [speedText(receipt.tokensPerSecond, t, locale)]),
    t('receipt.tokensShort', {
      prompt: number(receipt.promptTokens, locale),
      completion: number(receipt.completionTokens, locale),
    }),
    providerNames[receipt.provider],
    ...(truncated ? [t('receipt.cutShort')] : []),
  ]
  return (
    <div className={styles.receipt} role="group" aria-label={t('receipt.label')}>
      <button
        type="button"
        className={styles.line}
        aria-expanded={open}
        aria-controls={panel}
        title={open ? t('receipt.hide') : t('receipt.show')}
        aria-label={`${open ? t('receipt.hide') : t('receipt.show')}: ${short.join(' · ')}`}
        onClick={() => setOpen(!open)}
      >
        <IconReceipt size={16} aria-hidden className={styles.icon} />
        <span className={`${styles.short} sb-numbers`}>{short.join(' · ')}</span>
        <IconChevronDown size={14} aria-hidden className={open ? styles.turned : ''} />
      </button>
      <div id={panel} hidden={!open} className={styles.panel}>
        {open ? <ReceiptFacts receipt={receipt} demo={demo} /> : null}
      </div>
    </div>
  )
})

/** Every fact, for people and to copy. */
export function ReceiptFacts({ receipt, demo }: ReceiptProps) {
  const { t, i18n } = useTranslation()
  const locale = i18n.language
  const { assistant, truncated } = receipt
  const tokens = (count: number): string => t('receipt.tokens', { count, value: number(count, locale) })
  const messages = (count: number): string => t('receipt.messages', { count, value: number(count, locale) })
  const modelName = demo && receipt.model !== 'demo' ? `${receipt.model} (${t('app.demo')})` : receipt.model
  const rows: readonly (readonly [string, string])[] = [
    ...(assistant === undefined
      ? []
      : [
          [
            t('receipt.assistant'),
            assistant === null ? t('receipt.noAssistant') : t('receipt.nameAndVersion', assistant),
          ] as const,
        ]),
    [
      t('receipt.model'),
      receipt.modelVersion === undefined
        ? modelName
        : t('receipt.nameAndVersion', { name: modelName, version: receipt.modelVersion }),
    ],
    [t('receipt.precision'), receipt.precision.toUpperCase()],
    [t('receipt.provider'), providerNames[receipt.provider]],
    [t('receipt.queue'), duration(receipt.queueMs, locale)],
    [t('receipt.ttft'), duration(receipt.ttftMs, locale)],
    [t('receipt.total'), duration(receipt.totalMs, locale)],
    [t('receipt.speed'), receipt.tokensPerSecond === null ? '–' : speedText(receipt.tokensPerSecond, t, locale)],
    [t('receipt.promptTokens'), tokens(receipt.promptTokens)],
    [t('receipt.completionTokens'), tokens(receipt.completionTokens)],
    [t('receipt.cachedTokens'), tokens(receipt.cachedTokens)],
    [t('receipt.finish'), finishText(receipt, t)],
    [
      t('receipt.truncated'),
      truncated
        ? t('receipt.truncatedBy', {
            messages: messages(truncated.droppedMessages),
            tokens: tokens(truncated.droppedTokens),
          })
        : t('receipt.notTruncated'),
    ],
    [t('receipt.seed'), String(receipt.seed)],
    [t('receipt.fingerprint'), receipt.systemFingerprint],
  ]
  return (
    <>
      <dl className={`${styles.rows} sb-numbers`}>
        {rows.map(([name, value]) => (
          <div key={name} className={styles.row}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <CopyButton text={rows.map(([name, value]) => `${name}: ${value}`).join('\n')} label={t('receipt.copy')}>
        {t('receipt.copy')}
      </CopyButton>
    </>
  )
}

function speedText(tokensPerSecond: number, t: TFunction, locale: string): string {
  return t('receipt.tokensPerSecond', { value: number(tokensPerSecond, locale, 1) })
}

function finishText(receipt: Receipt, t: TFunction): string {
  switch (receipt.finishReason) {
    case 'stop':
      return t('receipt.finishStop')
    case 'length':
      return t('receipt.finishLength')
    case 'cancelled':
      return t('receipt.finishCancelled')
  }
}
