import { useMantineColorScheme } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight'
import {
  IconAdjustmentsHorizontal,
  IconCopy,
  IconCube,
  IconLanguage,
  IconMessageCircle,
  IconPlus,
  IconRefresh,
  IconSearch,
  IconSettings,
  IconStethoscope,
  IconSun,
} from '@tabler/icons-react'
import { useEffect, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../stores/stores.ts'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import { paletteStore } from '../ui/palette-control.ts'

/** Ctrl/⌘ K: every action, conversation and model. */
export function Palette() {
  const { t } = useTranslation()
  const stores = useStores()
  const navigate = useNavigate()
  const location = useLocation()
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const notifyFailure = useNotifyFailure()
  const { text, found } = useStore(stores.finder.store)
  useEffect(() => chooseFirst(), [found])
  const models = useStore(stores.models.store, (state) => state.value) ?? []
  const endpoint = useStore(stores.status.store, (state) => state.status?.endpointUrl ?? null)
  const { settings, finder } = stores
  const theme = (value: 'auto' | 'light' | 'dark'): void => {
    setColorScheme(value)
    void settings.update({ theme: value })
  }
  const restart = (): void =>
    void settings.restartEngine().then(() => notifications.show({ message: t('status.restarted') }), notifyFailure)
  const icon = { size: 18, stroke: 1.7, 'aria-hidden': true } as const
  const groups: SpotlightActionGroupData[] = [
    {
      group: t('palette.actions'),
      actions: [
        {
          id: 'new',
          label: t('palette.new'),
          leftSection: <IconPlus {...icon} />,
          onClick: () => void navigate('/chat'),
        },
        ...(location.pathname.startsWith('/chat/')
          ? [
              {
                id: 'drawer',
                label: t('palette.drawer'),
                leftSection: <IconAdjustmentsHorizontal {...icon} />,
                onClick: () => void navigate(location.pathname, { state: { drawer: true } }),
              },
            ]
          : []),
        {
          id: 'settings',
          label: t('palette.settings'),
          leftSection: <IconSettings {...icon} />,
          onClick: () => void navigate('/settings'),
        },
        ...(endpoint === null
          ? []
          : [
              {
                id: 'endpoint',
                label: t('palette.copyEndpoint'),
                description: endpoint,
                leftSection: <IconCopy {...icon} />,
                onClick: () =>
                  void navigator.clipboard
                    .writeText(endpoint)
                    .then(() => notifications.show({ message: t('status.endpointCopied') })),
              },
            ]),
        { id: 'restart', label: t('palette.restart'), leftSection: <IconRefresh {...icon} />, onClick: restart },
        {
          id: 'doctor',
          label: t('palette.doctor'),
          leftSection: <IconStethoscope {...icon} />,
          onClick: () => void navigate('/settings', { state: { section: 'doctor' } }),
        },
        {
          id: 'light',
          label: t('palette.themeLight'),
          leftSection: <IconSun {...icon} />,
          onClick: () => theme('light'),
        },
        { id: 'dark', label: t('palette.themeDark'), leftSection: <IconSun {...icon} />, onClick: () => theme('dark') },
        { id: 'auto', label: t('palette.themeAuto'), leftSection: <IconSun {...icon} />, onClick: () => theme('auto') },
        {
          id: 'en',
          label: t('palette.languageEn'),
          keywords: 'language 语言',
          leftSection: <IconLanguage {...icon} />,
          onClick: () => void settings.update({ language: 'en' }),
        },
        {
          id: 'zh',
          label: t('palette.languageZh'),
          keywords: 'language chinese 语言 中文',
          leftSection: <IconLanguage {...icon} />,
          onClick: () => void settings.update({ language: 'zh-CN' }),
        },
      ],
    },
    {
      group: t('palette.models'),
      actions: models.map((model) => ({
        id: `model-${model.name}`,
        label: model.demo && model.name !== 'demo' ? `${model.name} (${t('app.demo')})` : model.name,
        description: t('palette.defaultModel'),
        leftSection: <IconCube {...icon} />,
        onClick: () => void settings.update({ defaultModel: model.name }),
      })),
    },
    {
      group: t('palette.conversations'),
      // The program found them by this text, perhaps inside a message: it is their keyword here.
      actions: found.map(({ id, title, excerpt }) => ({
        id,
        label: title || t('chat.untitled'),
        ...(excerpt === null ? {} : { description: excerpt }),
        keywords: text,
        leftSection: <IconMessageCircle {...icon} />,
        onClick: () => void navigate(`/chat/${id}`),
      })),
    },
  ].filter((group) => group.actions.length > 0)
  return (
    <Spotlight
      store={paletteStore}
      actions={groups}
      shortcut={['mod + K']}
      tagsToIgnore={[]}
      triggerOnContentEditable
      // Closing empties the field, which is no question.
      onQueryChange={(query) => {
        if (paletteStore.getState().opened) finder.find(query)
      }}
      onSpotlightOpen={() => finder.find('')}
      nothingFound={t('palette.empty')}
      highlightQuery
      limit={60}
      scrollable
      maxHeight={440}
      lockScroll={false}
      overlayProps={{ blur: 0, backgroundOpacity: 0.35 }}
      attributes={{ content: { 'aria-label': t('app.openPalette') } }}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      transitionProps={{ duration: 80, transition: 'fade' }}
      searchProps={{
        onKeyDown: runFirst,
        leftSection: <IconSearch {...icon} />,
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
      }}
    />
  )
}

/** The library chooses the first hit when the text changes; conversations may come after that. */
function chooseFirst(): void {
  const { opened, query, listId } = paletteStore.getState()
  const list = opened && query !== '' ? document.getElementById(listId) : null
  if (!list || list.querySelector('[data-selected]')) return
  list.querySelector('[data-action]')?.setAttribute('data-selected', 'true')
  paletteStore.updateState((state) => ({ ...state, selected: 0 }))
}

/**
 * Typing and Enter is enough: the first hit runs where none is chosen. The library chooses it too, but before the new
 * hits
 * are on the page, so that on a busy machine nothing is chosen.
 */
function runFirst(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
  const dialog = event.currentTarget.closest('[role="dialog"]')
  if (dialog && !dialog.querySelector('[data-selected]')) dialog.querySelector<HTMLElement>('[data-action]')?.click()
}
