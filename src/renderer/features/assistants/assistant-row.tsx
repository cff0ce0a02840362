import { ActionIcon, Button, Menu } from '@mantine/core'
import {
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCopyPlus,
  IconDots,
  IconDownload,
  IconPlayerPause,
  IconProgressCheck,
  IconStar,
  IconTrash,
} from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useStore } from 'zustand'
import type { Assistant } from '../../../shared/domain/assistant.ts'
import { useStores } from '../../stores/stores.ts'
import { useAssistantActions } from './use-assistant-actions.tsx'
import styles from './assistants.module.css'

/** What customers get beside what people try, in words. */
export function versionText(t: TFunction, { version, publishedVersion }: Assistant): string {
  if (publishedVersion === null) return t('assistants.draft', { version })
  return publishedVersion === version
    ? t('assistants.customersGet', { published: publishedVersion })
    : t('assistants.customersBehind', { published: publishedVersion, version })
}

function StateIcon({ version, publishedVersion }: Assistant) {
  const icon = { size: 16, 'aria-hidden': true, className: styles.stateIcon } as const
  if (publishedVersion === null) return <IconCircleDashed {...icon} />
  return publishedVersion === version ? (
    <IconCircleCheckFilled {...icon} data-state="current" />
  ) : (
    <IconProgressCheck {...icon} data-state="behind" />
  )
}

/** One assistant in the list: its state for customers, and what can be done with it. */
export function AssistantRow({ assistant, open }: { readonly assistant: Assistant; readonly open: boolean }) {
  const { t } = useTranslation()
  const { settings, models } = useStores()
  const actions = useAssistantActions()
  const isDefault = useStore(settings.store, (state) => state.settings.defaultAssistantId === assistant.id)
  const { id, name, model, builtIn, version, publishedVersion } = assistant
  const gone = useStore(
    models.store,
    ({ value }) => model !== null && value !== null && !value.some((other) => other.name === model),
  )
  return (
    <li className={`${styles.row} ${open ? styles.open : ''}`}>
      <Link className={styles.link} to={`/assistants/${id}`} aria-current={open ? 'true' : undefined}>
        <span className={styles.rowName}>
          <span className={styles.nameText}>{name}</span>
          {isDefault ? <span className={styles.badge}>{t('assistants.default')}</span> : null}
          {builtIn ? <span className={styles.badge}>{t('assistants.builtIn')}</span> : null}
        </span>
        <span className={`${styles.facts} sb-numbers`}>
          <StateIcon {...assistant} />
          {versionText(t, assistant)}
        </span>
        <span className={gone ? styles.red : styles.facts}>
          {gone ? t('assistants.modelGoneShort', { name: model ?? '' }) : (model ?? t('assistants.modelDefault'))}
        </span>
      </Link>
      <div className={styles.rowActions}>
        {publishedVersion === version ? null : (
          <Button
            size="xs"
            variant="default"
            aria-label={`${t('assistants.publishVersion', { version })}: ${name}`}
            onClick={() => void actions.publish(assistant)}
          >
            {t('assistants.publish')}
          </Button>
        )}
        <Menu position="bottom-end" width={220}>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size={30} aria-label={t('assistants.actions', { name })}>
              <IconDots size={16} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {isDefault ? null : (
              <Menu.Item
                leftSection={<IconStar size={16} aria-hidden />}
                onClick={() => void actions.makeDefault(assistant)}
              >
                {t('assistants.makeDefault')}
              </Menu.Item>
            )}
            <Menu.Item
              leftSection={<IconCopyPlus size={16} aria-hidden />}
              onClick={() => void actions.duplicate(assistant)}
            >
              {t('assistants.duplicate')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconDownload size={16} aria-hidden />}
              onClick={() => void actions.exportFile(assistant)}
            >
              {t('assistants.export')}
            </Menu.Item>
            {publishedVersion === null ? null : (
              <Menu.Item
                leftSection={<IconPlayerPause size={16} aria-hidden />}
                onClick={() => void actions.unpublish(assistant)}
              >
                {t('assistants.unpublish')}
              </Menu.Item>
            )}
            <Menu.Item leftSection={<IconTrash size={16} aria-hidden />} onClick={() => void actions.remove(assistant)}>
              {t('assistants.remove')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </li>
  )
}
