import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { assistantFileSchema } from '../../../shared/contracts/console.ts'
import { callName, type Assistant, type AssistantFile } from '../../../shared/domain/assistant.ts'
import { useStores } from '../../stores/stores.ts'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import styles from './assistants.module.css'

const undoMs = 10_000
let toasts = 0

export interface AssistantActions {
  publish(assistant: Assistant): Promise<void>
  unpublish(assistant: Assistant): Promise<void>
  duplicate(assistant: Assistant): Promise<void>
  exportFile(assistant: Assistant): Promise<void>
  importFile(file: File): Promise<void>
  makeDefault(assistant: Assistant): Promise<void>
  takeBack(assistant: Assistant, version: number): Promise<void>
  /** Removes at once and offers Undo. */
  remove(assistant: Assistant): Promise<void>
}

/** What can be done with an assistant. Failures are said at the edge of the window, and so is what can be undone. */
export function useAssistantActions(): AssistantActions {
  const { t } = useTranslation()
  const { client, assistants, settings } = useStores()
  const navigate = useNavigate()
  const notifyFailure = useNotifyFailure()

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (thrown) {
      notifyFailure(thrown, (reason) => t('assistants.actionFailed', { reason }))
    }
  }
  const say = (message: string, undo?: () => Promise<unknown>): void => {
    const id = `assistant-${(toasts += 1)}`
    const undoNow = (): void => {
      notifications.hide(id)
      if (!undo) return
      void attempt(async () => {
        await undo()
        await assistants.load()
      })
    }
    notifications.show({
      id,
      ...(undo ? { autoClose: undoMs } : {}),
      withBorder: true,
      closeButtonProps: { 'aria-label': t('app.close') },
      message: (
        <span className={styles.undo}>
          <span className={styles.undoText}>{message}</span>
          {undo ? (
            <Button size="compact-sm" variant="default" onClick={undoNow}>
              {t('app.undo')}
            </Button>
          ) : null}
        </span>
      ),
    })
  }
  /** The name, with a number appended if another assistant has it. */
  const freeName = (name: string): string => {
    const taken = new Set(assistants.store.getState().value?.map((other) => callName(other.name)))
    for (let number = 1; ; number += 1) {
      const candidate = number === 1 ? name : `${name} ${number}`
      if (!taken.has(callName(candidate))) return candidate
    }
  }

  return {
    publish: ({ id, publishedVersion }) =>
      attempt(async () => {
        const { name, version } = await client.assistants.publish({ id })
        await assistants.load()
        say(
          t('assistants.published', { name, version }),
          publishedVersion === null ? () => client.assistants.unpublish({ id }) : undefined,
        )
      }),
    unpublish: ({ id, name, version, publishedVersion }) =>
      attempt(async () => {
        await client.assistants.unpublish({ id })
        await assistants.load()
        say(
          t('assistants.unpublished', { name }),
          publishedVersion === version ? () => client.assistants.publish({ id }) : undefined,
        )
      }),
    duplicate: ({ id, name }) =>
      attempt(async () => {
        const copy = await client.assistants.duplicate({
          id,
          name: freeName(t('assistants.duplicateName', { name: name.slice(0, 70) })),
        })
        await assistants.load()
        await navigate(`/assistants/${copy.id}`)
      }),
    exportFile: ({ id, name }) =>
      attempt(async () => download(`${callName(name)}.assistant.json`, await client.assistants.export({ id }))),
    importFile: (file) =>
      attempt(async () => {
        const parsed = assistantFileSchema.safeParse(parseJson(await file.text()))
        if (!parsed.success) {
          notifications.show({
            color: 'red',
            message: t('assistants.importFailed', { file: file.name }),
            closeButtonProps: { 'aria-label': t('app.close') },
          })
          return
        }
        const { id, name } = await client.assistants.import(parsed.data)
        await assistants.load()
        say(t('assistants.imported', { name }), () => client.assistants.remove({ id }))
        await navigate(`/assistants/${id}`)
      }),
    makeDefault: ({ id }) => settings.update({ defaultAssistantId: id }),
    takeBack: ({ id, name, model, systemPrompt, parameters }, version) =>
      attempt(async () => {
        await client.assistants.takeBack({ id, version })
        await assistants.load()
        say(t('assistants.takenBack', { version }), () =>
          client.assistants.update({ id, name, model, systemPrompt, parameters }),
        )
      }),
    remove: ({ id, name }) =>
      attempt(async () => {
        await client.assistants.remove({ id })
        await assistants.load()
        await navigate('/assistants')
        say(t('assistants.removed', { name }), () => client.assistants.restore({ id }))
      }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Hands a file to the browser, which puts it where downloads go. */
function download(name: string, content: AssistantFile): void {
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 2)}\n`], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
