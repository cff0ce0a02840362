import { ActionIcon, Button, Select, Textarea, TextInput, Tooltip } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconTrash } from '@tabler/icons-react'
import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { shownError } from '../../lib/shown-error.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { Assistant } from '../../../shared/domain/assistant.ts'
import type { Conversation } from '../../../shared/domain/conversation.ts'
import { errorText } from '../../lib/error-text.ts'
import { useStores } from '../../stores/stores.ts'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import { SaveState } from '../../ui/save-state.tsx'
import { parameterFields, withParameter } from './parameter-fields.ts'
import { ParameterInput } from './parameter-input.tsx'
import styles from './chat-drawer.module.css'

/** Fields shown before "More parameters". */
const commonFields = 3
const saveAfterMs = 600

/** Instructions, preset and parameters of one conversation. Saves as you go and says so. */
export function ChatDrawer({ id }: { readonly id: string }) {
  const { chat } = useStores()
  const conversation = useStore(chat.store, (state) => state.entries[id]?.conversation ?? null)
  return conversation ? <Form conversation={conversation} /> : null
}

function Form({ conversation }: { readonly conversation: Conversation }) {
  const { t } = useTranslation()
  const { chat, assistants: presets } = useStores()
  const { id } = conversation
  const saving = useStore(chat.store, (state) => state.entries[id]?.saving ?? null)
  const list = useStore(presets.store, (state) => state.value) ?? []
  const preset = list.find((candidate) => candidate.id === conversation.assistantId) ?? null
  const [more, setMore] = useState(false)
  const shown = more ? parameterFields : parameterFields.slice(0, commonFields)

  const choose = (presetId: string | null): void => {
    const chosen = list.find((candidate) => candidate.id === presetId)
    void chat.update(
      id,
      chosen
        ? { assistantId: chosen.id, systemPrompt: chosen.systemPrompt, parameters: chosen.parameters }
        : { assistantId: null },
    )
  }
  return (
    <div className={styles.form}>
      <div className={styles.scope}>
        <span>{t('drawer.scope')}</span>
        <SaveState saving={saving ?? { kind: 'idle' }} />
      </div>
      <div className={styles.presetRow}>
        <Select
          className={styles.grow ?? ''}
          label={t('drawer.preset')}
          placeholder={t('drawer.presetNone')}
          data={list.map((candidate) => ({
            value: candidate.id,
            label: candidate.builtIn ? `${candidate.name} (${t('drawer.presetBuiltIn')})` : candidate.name,
          }))}
          value={conversation.assistantId}
          onChange={choose}
          clearable
          clearButtonProps={{ 'aria-label': t('drawer.presetNone') }}
          allowDeselect={false}
        />
        {preset && !preset.builtIn ? <DeletePreset preset={preset} onDeleted={() => choose(null)} /> : null}
      </div>
      <SystemPrompt key={`${id}-${conversation.assistantId}`} conversation={conversation} preset={preset} />
      <h3 className={styles.heading}>{t('drawer.parameters')}</h3>
      {shown.map((field) => (
        <ParameterInput
          key={field.name}
          field={field}
          value={conversation.parameters[field.name]}
          presetValue={preset?.parameters[field.name]}
          onChange={(value) =>
            void chat.update(id, { parameters: withParameter(conversation.parameters, field.name, value) })
          }
        />
      ))}
      <Button variant="subtle" size="xs" aria-expanded={more} onClick={() => setMore(!more)}>
        {more ? t('drawer.fewer') : t('drawer.more')}
      </Button>
      <SavePreset conversation={conversation} />
    </div>
  )
}

function SystemPrompt({
  conversation,
  preset,
}: {
  readonly conversation: Conversation
  readonly preset: Assistant | null
}) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const [text, setText] = useState(conversation.systemPrompt)
  const saved = useRef(conversation.systemPrompt)
  const save = (): void => {
    if (text === saved.current) return
    saved.current = text
    void chat.update(conversation.id, { systemPrompt: text })
  }
  const saveNow = useEffectEvent(save)
  useEffect(() => {
    const timer = setTimeout(() => saveNow(), saveAfterMs)
    return () => clearTimeout(timer)
  }, [text])
  // Closing the drawer within the pause must not lose the last words.
  useEffect(() => () => saveNow(), [])
  const changed = preset !== null && text !== preset.systemPrompt
  return (
    <div>
      <Textarea
        label={t('drawer.systemPrompt')}
        description={t('drawer.systemPromptHelp')}
        autosize
        minRows={5}
        maxRows={14}
        maxLength={50_000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={save}
      />
      {changed ? (
        <Button variant="subtle" size="compact-xs" mt={4} onClick={() => setText(preset.systemPrompt)}>
          {t('drawer.back', { value: preset.name })}
        </Button>
      ) : null}
    </div>
  )
}

function SavePreset({ conversation }: { readonly conversation: Conversation }) {
  const { t } = useTranslation()
  const { client, chat, assistants: presets } = useStores()
  const [name, setName] = useState('')
  const [error, setError] = useState<SwitchboardError | null>(null)
  const save = async (): Promise<void> => {
    try {
      const preset = await client.assistants.create({
        name: name.trim(),
        model: conversation.model,
        systemPrompt: conversation.systemPrompt,
        parameters: conversation.parameters,
      })
      await presets.load()
      await chat.update(conversation.id, { assistantId: preset.id })
      setName('')
      setError(null)
      notifications.show({
        message: t('drawer.presetSaved', { name: preset.name }),
        closeButtonProps: { 'aria-label': t('app.close') },
      })
    } catch (thrown) {
      setError(shownError(thrown))
    }
  }
  return (
    <form
      className={styles.savePreset}
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <TextInput
        className={styles.grow ?? ''}
        label={t('drawer.presetName')}
        value={name}
        maxLength={80}
        error={error ? errorText(t, error) : null}
        onChange={(event) => {
          setName(event.currentTarget.value)
          setError(null)
        }}
      />
      <Button type="submit" variant="default" disabled={name.trim() === ''}>
        {t('drawer.savePreset')}
      </Button>
    </form>
  )
}

function DeletePreset({ preset, onDeleted }: { readonly preset: Assistant; readonly onDeleted: () => void }) {
  const { t } = useTranslation()
  const { client, assistants: presets } = useStores()
  const notifyFailure = useNotifyFailure()
  const remove = async (): Promise<void> => {
    try {
      await client.assistants.remove({ id: preset.id })
      onDeleted()
      await presets.load()
      const notification = `preset-${preset.id}`
      const undo = async (): Promise<void> => {
        notifications.hide(notification)
        await client.assistants.restore({ id: preset.id })
        await presets.load()
      }
      notifications.show({
        id: notification,
        autoClose: 10_000,
        closeButtonProps: { 'aria-label': t('app.close') },
        message: (
          <span className={styles.undo}>
            {t('drawer.presetDeleted', { name: preset.name })}
            <Button size="compact-sm" variant="default" onClick={() => void undo().catch(notifyFailure)}>
              {t('app.undo')}
            </Button>
          </span>
        ),
      })
    } catch (thrown) {
      notifyFailure(thrown)
    }
  }
  return (
    <Tooltip label={t('drawer.presetDelete')}>
      <ActionIcon variant="default" size={36} aria-label={t('drawer.presetDelete')} onClick={() => void remove()}>
        <IconTrash size={16} aria-hidden />
      </ActionIcon>
    </Tooltip>
  )
}
