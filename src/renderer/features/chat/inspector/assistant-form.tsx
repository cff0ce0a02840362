import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Assistant, AssistantValues, AssistantVersion } from '../../../../shared/domain/assistant.ts'
import { shownError } from '../../../lib/shown-error.ts'
import { notLoaded, type Loadable } from '../../../stores/loadable.ts'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import { FormFields } from './form-fields.tsx'
import { FormStateLine } from './form-state.tsx'
import type { FieldFocus } from './form-values.ts'
import { PublishLine } from './publish-line.tsx'
import { RegenerateWithThis } from './regenerate-with-this.tsx'
import { useForm } from './use-form.ts'
import { VersionsList } from './versions-list.tsx'
import styles from './inspector.module.css'

interface AssistantFormProps {
  readonly assistant: Assistant
  /** The conversation it is tuned in; undefined before its first message. */
  readonly conversationId: string | undefined
  readonly focus: FieldFocus | null
}

/** Tunes the assistant of a conversation. */
export function AssistantForm({ assistant, conversationId, focus }: AssistantFormProps) {
  const { t } = useTranslation()
  const { client, assistants } = useStores()
  const notifyFailure = useNotifyFailure()
  const { id } = assistant
  const keep = (changed: Assistant): void => {
    const list = assistants.store.getState().value ?? []
    assistants.set(list.map((other) => (other.id === changed.id ? changed : other)))
  }
  const form = useForm({
    draftKey: `assistant:${id}`,
    stored: assistant,
    named: true,
    save: async (values) => keep(await client.assistants.update({ id, ...differing(assistant, values) })),
  })
  const versions = useVersions(assistant)
  const published =
    assistant.publishedVersion === assistant.version
      ? null
      : (versions.value?.find(({ version }) => version === assistant.publishedVersion) ?? null)

  const takeBack = async (version: number): Promise<void> => {
    const { name, model, systemPrompt, parameters } = assistant
    const before: AssistantValues = { name, model, systemPrompt, parameters }
    form.discard()
    keep(await client.assistants.takeBack({ id, version }))
    const notification = `taken-back-${id}`
    const undo = async (): Promise<void> => {
      notifications.hide(notification)
      keep(await client.assistants.update({ id, ...before }))
    }
    notifications.show({
      id: notification,
      autoClose: 10_000,
      closeButtonProps: { 'aria-label': t('app.close') },
      message: (
        <span className={styles.undo}>
          {t('inspector.tookBack', { version })}
          <Button size="compact-sm" variant="default" onClick={() => void undo().catch(notifyFailure)}>
            {t('app.undo')}
          </Button>
        </span>
      ),
    })
  }
  return (
    <div className={styles.form}>
      <div className={styles.top}>
        <PublishLine
          assistant={assistant}
          form={form}
          publish={async () => {
            const changed = await client.assistants.publish({ id })
            keep(changed)
            notifications.show({
              message: t('inspector.nowPublished', { version: changed.version }),
              closeButtonProps: { 'aria-label': t('app.close') },
            })
          }}
        />
        <p className={styles.scope}>{t('inspector.scope')}</p>
      </div>
      <div className={styles.row}>
        <RegenerateWithThis conversationId={conversationId} form={form} />
        <FormStateLine state={form.state} />
      </div>
      <FormFields form={form} named published={published} focus={focus} />
      <section className={styles.section} aria-labelledby="inspector-versions">
        <h3 id="inspector-versions" className={styles.heading}>
          {t('inspector.versions')}
        </h3>
        <VersionsList
          assistant={assistant}
          versions={versions}
          onTakeBack={(version) => void takeBack(version).catch(notifyFailure)}
        />
      </section>
    </div>
  )
}

/** The values that differ from those that are stored: other windows may change the rest meanwhile. */
function differing(stored: AssistantValues, values: AssistantValues): Partial<AssistantValues> {
  return {
    ...(stored.name === values.name ? {} : { name: values.name }),
    ...(stored.model === values.model ? {} : { model: values.model }),
    ...(stored.systemPrompt === values.systemPrompt ? {} : { systemPrompt: values.systemPrompt }),
    ...(JSON.stringify(sorted(stored)) === JSON.stringify(sorted(values)) ? {} : { parameters: values.parameters }),
  }
}

function sorted({ parameters }: AssistantValues): readonly (readonly [string, unknown])[] {
  return Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** The versions of an assistant, fetched again whenever it changed. */
function useVersions({ id, version, publishedVersion, updatedAt }: Assistant): Loadable<readonly AssistantVersion[]> {
  const { client } = useStores()
  const [versions, setVersions] = useState<Loadable<readonly AssistantVersion[]>>(notLoaded)
  useEffect(() => {
    let left = false
    client.assistants.versions({ id }).then(
      (value) => {
        if (!left) setVersions({ kind: 'ready', value })
      },
      (thrown: unknown) => {
        if (!left) setVersions(({ value }) => ({ kind: 'failed', value, error: shownError(thrown) }))
      },
    )
    return () => {
      left = true
    }
    // oxlint-disable-next-line react/exhaustive-deps -- the other values say that there is something new to fetch
  }, [client, id, version, publishedVersion, updatedAt])
  return versions
}
