import { ActionIcon, Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { memo, useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

const shownForMs = 1500

interface CopyButtonProps {
  readonly text: string
  readonly label: string
  /** With children the button shows them; without, it is an icon. */
  readonly children?: ReactNode
  readonly onCopied?: () => void
}

/** Copies a text and says so for a moment. */
export const CopyButton = memo(function CopyButton({ text, label, children, onCopied }: CopyButtonProps) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), shownForMs)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = (): void =>
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true)
      onCopied?.()
    })
  const icon = copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />
  if (children !== undefined) {
    return (
      <Button variant="default" size="xs" leftSection={icon} onClick={copy}>
        {copied ? t('app.copied') : children}
      </Button>
    )
  }
  const name = copied ? t('app.copied') : label
  // A hundred messages have hundreds of these: the browser's own tooltip costs nothing.
  return (
    <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={name} title={name}>
      {icon}
    </ActionIcon>
  )
})
