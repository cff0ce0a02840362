import { ActionIcon } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconMessageCircle, IconSearch, IconSettings, IconUserCircle } from '@tabler/icons-react'
import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { useStore } from 'zustand'
import { ChatPage } from '../features/chat/chat-page.tsx'
import { titleText, windowTitle } from '../lib/window-title.ts'
import { palette } from '../ui/palette-control.ts'
import { Banners } from './banners.tsx'
import { ConnectionBanner } from './connection-gate.tsx'
import { NotFound } from './not-found.tsx'
import { Palette } from './palette.tsx'
import { ShortcutSheet } from './shortcut-sheet.tsx'
import { StatusBar } from './status-bar.tsx'
import { useShortcuts } from './use-shortcuts.ts'
import styles from './shell.module.css'

const SettingsPage = lazy(() =>
  import('../features/settings/settings-page.tsx').then((module) => ({ default: module.SettingsPage })),
)
const AssistantsPage = lazy(() =>
  import('../features/assistants/assistants-page.tsx').then((module) => ({ default: module.AssistantsPage })),
)

const pages = [
  { path: '/chat', label: 'nav.chat', icon: IconMessageCircle },
  { path: '/assistants', label: 'nav.assistants', icon: IconUserCircle },
  { path: '/settings', label: 'nav.settings', icon: IconSettings },
] as const

/** Rail, banners, page and status bar. Below 720 px the rail lies at the bottom, with the search beside the pages. */
export function Shell() {
  const { t } = useTranslation()
  const [helpOpen, help] = useDisclosure(false)
  useShortcuts(help.open)
  useWindowTitle()
  return (
    <div className={styles.shell}>
      <a
        className={styles.skip}
        href="#content"
        onClick={(event) => {
          event.preventDefault()
          document.getElementById('content')?.focus()
        }}
      >
        {t('app.skip')}
      </a>
      <nav className={styles.rail} aria-label={t('nav.label')}>
        {pages.map(({ path, label, icon: Icon }) => (
          <NavLink key={path} to={path} className={({ isActive }) => `${styles.page} ${isActive ? styles.active : ''}`}>
            <Icon size={20} stroke={1.7} aria-hidden />
            <span>{t(label)}</span>
          </NavLink>
        ))}
        <ActionIcon
          className={styles.palette ?? ''}
          variant="subtle"
          color="gray"
          size={40}
          radius="md"
          aria-label={t('app.openPalette')}
          onClick={palette.open}
        >
          <IconSearch size={20} stroke={1.7} aria-hidden />
        </ActionIcon>
      </nav>
      <main id="content" className={styles.content} tabIndex={-1}>
        <ConnectionBanner />
        <Banners />
        <div className={styles.route}>
          <Suspense fallback={null}>
            <Routes>
              <Route path="/" element={<Navigate to="/chat" replace />} />
              <Route path="/chat" element={<ChatPage />} />
              <Route path="/chat/:id" element={<ChatPage />} />
              <Route path="/assistants" element={<AssistantsPage />} />
              <Route path="/assistants/:id" element={<AssistantsPage />} />
              <Route path="/settings" element={<SettingsPage />} />
              <Route path="*" element={<NotFound />} />
            </Routes>
          </Suspense>
        </div>
      </main>
      <StatusBar />
      <Palette showHelp={help.open} />
      <ShortcutSheet opened={helpOpen} onClose={help.close} />
    </div>
  )
}

function useWindowTitle(): void {
  const title = useStore(windowTitle, titleText)
  useEffect(() => {
    document.title = title
  }, [title])
}
