import { Kbd, useMantineColorScheme } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import type { SpotlightActionData } from '@mantine/spotlight'
import {
  IconAdjustmentsHorizontal,
  IconCopy,
  IconCube,
  IconKeyboard,
  IconLanguage,
  IconMessageCircle,
  IconPlus,
  IconProgress,
  IconRefresh,
  IconSettings,
  IconStethoscope,
  IconSun,
  IconUserCircle,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useLocation, useNavigate } from 'react-router'
import { useStore } from 'zustand'
import type { FindableGroup } from '../lib/palette-rank.ts'
import { useStores } from '../stores/stores.ts'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import { statusControl } from '../ui/status-control.ts'
import { useShortcutText, type ShortcutName } from '../ui/shortcuts.ts'

export interface PaletteAction extends Omit<SpotlightActionData, 'label' | 'keywords' | 'description'> {
  readonly label: string
  /** Other words it is found by, in both languages and in pinyin. */
  readonly keywords?: string
  readonly description?: string
}

const icon = { size: 18, stroke: 1.7, 'aria-hidden': true } as const

/** Everything the palette can do, in groups: actions, assistants, models and the conversations that were found. */
export function usePaletteGroups(showHelp: () => void): readonly FindableGroup<PaletteAction>[] {
  const { t } = useTranslation()
  const actions = useActions(showHelp)
  const assistants = useAssistants()
  const models = useModels()
  const conversations = useConversations()
  return [
    { group: t('palette.actions'), actions },
    { group: t('palette.assistants'), actions: assistants },
    { group: t('palette.models'), actions: models },
    { group: t('palette.conversations'), actions: conversations },
  ].filter((group) => group.actions.length > 0)
}

/** The open conversation, if the page shows one. */
function useOpenConversation(): string | null {
  return /^\/chat\/([^/]+)$/.exec(useLocation().pathname)?.[1] ?? null
}

function useActions(showHelp: () => void): PaletteAction[] {
  const { t } = useTranslation()
  const { settings, status, jobs } = useStores()
  const navigate = useNavigate()
  const { pathname } = useLocation()
  const open = useOpenConversation()
  const keys = useShortcutText()
  const notifyFailure = useNotifyFailure()
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const endpoint = useStore(status.store, (state) => state.status?.endpointUrl ?? null)
  const hasJobs = useStore(jobs.store, (list) => list !== null && list.length > 0)
  const browser = useStore(status.store, (state) => state.info?.host === 'headless')
  const shortcut = (name: ShortcutName) => ({ rightSection: <Kbd size="xs">{keys(name)}</Kbd> })
  const theme = (value: 'auto' | 'light' | 'dark'): void => {
    setColorScheme(value)
    void settings.update({ theme: value })
  }
  const restart = (): void =>
    void settings.restartEngine().then(() => notifications.show({ message: t('status.restarted') }), notifyFailure)
  return [
    {
      id: 'new',
      label: t('palette.new'),
      keywords: 'new chat conversation 新对话 xin duihua',
      leftSection: <IconPlus {...icon} />,
      ...shortcut(browser ? 'newInBrowser' : 'new'),
      onClick: () => void navigate('/chat'),
    },
    ...(open === null
      ? []
      : [
          {
            id: 'inspector',
            label: t('palette.inspector'),
            keywords: 'system prompt temperature tune 系统提示词 参数 canshu tishici',
            leftSection: <IconAdjustmentsHorizontal {...icon} />,
            onClick: () => void navigate(pathname, { state: { inspector: true } }),
          },
        ]),
    {
      id: 'assistants',
      label: t('palette.manageAssistants'),
      keywords: 'assistants presets voice publish export import 助手 预设 导出 导入 zhushou yushe daochu daoru',
      leftSection: <IconUserCircle {...icon} />,
      onClick: () => void navigate('/assistants'),
    },
    {
      id: 'settings',
      label: t('palette.settings'),
      keywords: 'preferences options keys 设置 密钥 shezhi miyao',
      leftSection: <IconSettings {...icon} />,
      ...shortcut('settings'),
      onClick: () => void navigate('/settings'),
    },
    ...(endpoint === null
      ? []
      : [
          {
            id: 'endpoint',
            label: t('palette.copyEndpoint'),
            description: endpoint,
            keywords: 'api url address openai 接口 地址 jiekou dizhi',
            leftSection: <IconCopy {...icon} />,
            onClick: () =>
              void navigator.clipboard
                .writeText(endpoint)
                .then(() => notifications.show({ message: t('status.endpointCopied') }), notifyFailure),
          },
        ]),
    ...(hasJobs
      ? [
          {
            id: 'jobs',
            label: t('palette.jobs'),
            keywords: 'jobs import progress 任务 导入 renwu daoru',
            leftSection: <IconProgress {...icon} />,
            onClick: () => statusControl.setState({ open: 'jobs' }),
          },
        ]
      : []),
    {
      id: 'restart',
      label: t('palette.restart'),
      keywords: 'reload start engine 重启 chongqi yinqing',
      leftSection: <IconRefresh {...icon} />,
      onClick: restart,
    },
    {
      id: 'doctor',
      label: t('palette.doctor'),
      keywords: 'check diagnose health cuda 诊断 检查 zhenduan jiancha',
      leftSection: <IconStethoscope {...icon} />,
      onClick: () => void navigate('/settings', { state: { section: 'doctor' } }),
    },
    {
      id: 'light',
      label: t('palette.themeLight'),
      keywords: 'theme appearance bright 主题 外观 浅色 zhuti waiguan qianse',
      leftSection: <IconSun {...icon} />,
      onClick: () => theme('light'),
    },
    {
      id: 'dark',
      label: t('palette.themeDark'),
      keywords: 'theme appearance night 主题 外观 深色 zhuti waiguan shense',
      leftSection: <IconSun {...icon} />,
      onClick: () => theme('dark'),
    },
    {
      id: 'auto',
      label: t('palette.themeAuto'),
      keywords: 'theme appearance system 主题 外观 系统 zhuti waiguan xitong',
      leftSection: <IconSun {...icon} />,
      onClick: () => theme('auto'),
    },
    {
      id: 'en',
      label: t('palette.languageEn'),
      keywords: 'language 语言 英文 yuyan yingwen',
      leftSection: <IconLanguage {...icon} />,
      onClick: () => void settings.update({ language: 'en' }),
    },
    {
      id: 'zh',
      label: t('palette.languageZh'),
      keywords: 'language chinese 语言 中文 yuyan zhongwen',
      leftSection: <IconLanguage {...icon} />,
      onClick: () => void settings.update({ language: 'zh-CN' }),
    },
    {
      id: 'shortcuts',
      label: t('palette.shortcuts'),
      keywords: 'keyboard help keys 快捷键 帮助 kuaijiejian bangzhu',
      leftSection: <IconKeyboard {...icon} />,
      ...shortcut('help'),
      onClick: showHelp,
    },
  ]
}

/** In an open conversation the assistant takes over the next reply; elsewhere a new conversation starts with it. */
function useAssistants(): PaletteAction[] {
  const { t } = useTranslation()
  const { assistants, chat } = useStores()
  const navigate = useNavigate()
  const open = useOpenConversation()
  const list = useStore(assistants.store, (state) => state.value) ?? []
  return list.map(({ id, name, model }) => ({
    id: `assistant-${id}`,
    label: t(open === null ? 'palette.switchNew' : 'palette.switchTo', { name }),
    keywords: name,
    ...(model === null ? {} : { description: model }),
    leftSection: <IconUserCircle {...icon} />,
    onClick: () =>
      open === null
        ? void navigate('/chat', { state: { assistantId: id } })
        : void chat.update(open, { assistantId: id, model: null }),
  }))
}

function useModels(): PaletteAction[] {
  const { t } = useTranslation()
  const { models, settings, chat } = useStores()
  const open = useOpenConversation()
  const list = useStore(models.store, (state) => state.value) ?? []
  const standard = useStore(settings.store, (state) => state.settings.defaultModel)
  return list
    .filter(({ name }) => open !== null || name !== standard)
    .map(({ name, precision }) => ({
      id: `model-${name}`,
      label: t(open === null ? 'palette.makeDefault' : 'palette.answerWith', { name }),
      description: precision.toUpperCase(),
      keywords: `${name} model 模型 moxing`,
      leftSection: <IconCube {...icon} />,
      onClick: () =>
        open === null ? void settings.update({ defaultModel: name }) : void chat.update(open, { model: name }),
    }))
}

function useConversations(): PaletteAction[] {
  const { t } = useTranslation()
  const { finder } = useStores()
  const navigate = useNavigate()
  const { text, found } = useStore(finder.store)
  // The program found them by this text, perhaps inside a message: it is their keyword here.
  return found.map(({ id, title, excerpt, matchedMessageId }) => ({
    id,
    label: title || t('chat.untitled'),
    ...(excerpt === null ? {} : { description: excerpt }),
    keywords: text,
    leftSection: <IconMessageCircle {...icon} />,
    onClick: () =>
      void navigate(`/chat/${id}`, matchedMessageId === null ? {} : { state: { messageId: matchedMessageId, text } }),
  }))
}
