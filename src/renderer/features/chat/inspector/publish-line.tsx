import { Button } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { callName, type Assistant } from '../../../../shared/domain/assistant.ts'
import { CopyButton } from '../../../ui/copy-button.tsx'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import type { Form } from './use-form.ts'
import styles from './inspector.module.css'

interface PublishLineProps {
  readonly assistant: Assistant
  readonly form: Form
  readonly publish: () => Promise<void>
}

/** Which version customers get and which one is tried here, with the button that makes both the same. */
export function PublishLine({ assistant, form, publish }: PublishLineProps) {
  const { t } = useTranslation()
  const notifyFailure = useNotifyFailure()
  const [publishing, setPublishing] = useState(false)
  const { name, version, publishedVersion } = assistant
  const use = async (): Promise<void> => {
    setPublishing(true)
    try {
      if (await form.saveNow()) await publish()
    } catch (thrown) {
      notifyFailure(thrown)
    } finally {
      setPublishing(false)
    }
  }
  const call = callName(name)
  return (
    <div className={styles.publish}>
      <p className={`${styles.versions} sb-numbers`}>
        {publishedVersion === null
          ? t('inspector.notPublished', { version })
          : publishedVersion === version
            ? t('inspector.published', { version })
            : t('inspector.olderPublished', { version, published: publishedVersion })}
      </p>
      {publishedVersion === version ? (
        <p className={styles.call}>
          <span>{t('inspector.calledAs')}</span>
          <code>{call}</code>
          <CopyButton text={call} label={t('inspector.copyCallName')} />
        </p>
      ) : (
        <Button size="xs" loading={publishing} disabled={form.state.kind === 'invalid'} onClick={() => void use()}>
          {t('inspector.useForCustomers')}
        </Button>
      )}
    </div>
  )
}
