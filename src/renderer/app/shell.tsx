import { ActionIcon, Tooltip } from '@mantine/core'
import { useOs } from '@mantine/hooks'
import { IconMessageCircle, IconSearch, IconSettings } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { Navigate, NavLink, Route, Routes } from 'react-router'
import { ChatPage } from '../features/chat/chat-page.tsx'
import { palette } from '../ui/palette-control.ts'
import { ConnectionBanner } from './connection-gate.tsx'
import { NotFound } from './not-found.tsx'
import { Palette } from './palette.tsx'
import { StatusBar } from './status-bar.tsx'
import styles from './shell.module.css'

const SettingsPage = lazy(() =>
  import('../features/settings/settings-page.tsx').then((module) => ({ default: module.SettingsPage })),
)

const pages = [
  { path: '/chat', label: 'nav.chat', icon: IconMessageCircle },
  { path: '/settings', label: 'nav.settings', icon: IconSettings },
] as const

/** Rail, page and status bar. Below 720 px the rail lies at the bottom. */
export function Shell() {
  const { t } = useTranslation()
  const keys = useOs() === 'macos' ? '⌘ K' : 'Ctrl K'
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
        <div className={styles.palette}>
          <Tooltip label={`${t('app.openPalette')} (${keys})`} position="right">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={40}
              radius="md"
              aria-label={t('app.openPalette')}
              onClick={palette.open}
            >
              <IconSearch size={20} stroke={1.7} aria-hidden />
            </ActionIcon>
          </Tooltip>
        </div>
      </nav>
      <main id="content" className={styles.content} tabIndex={-1}>
        <ConnectionBanner />
        <div className={styles.route}>
          <Suspense fallback={null}>
            <Routes>
              <Route path="/" element={<Navigate to="/chat" replace />} />
              <Route path="/chat" element={<ChatPage />} />
              <Route path="/chat/:id" element={<ChatPage />} />
              <Route path="/settings" element={<SettingsPage />} />
              <Route path="*" element={<NotFound />} />
            </Routes>
          </Suspense>
        </div>
      </main>
      <StatusBar />
      <Palette />
    </div>
  )
}
