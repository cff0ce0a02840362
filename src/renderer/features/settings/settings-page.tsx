import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { SaveState } from '../../ui/save-state.tsx'
import { AppearanceSection } from './appearance-section.tsx'
import { DoctorSection } from './doctor-section.tsx'
import { EndpointSection } from './endpoint-section.tsx'
import { EngineSection } from './engine-section.tsx'
import { KeysSection } from './keys-section.tsx'
import styles from './settings.module.css'

/** Everything the operator may change. Saved as it is changed. */
export function SettingsPage() {
  const { t } = useTranslation()
  const { settings, keys, doctor, status } = useStores()
  const saving = useStore(settings.store, (state) => state.saving)
  const version = useStore(status.store, (state) => state.info?.version ?? null)
  const location = useLocation()
  const doctorAnchor = useRef<HTMLDivElement>(null)
  useEffect(() => {
    document.title = `${t('settings.title')} – ${t('app.name')}`
  }, [t])
  useEffect(() => {
    void keys.load()
    void doctor.load()
  }, [keys, doctor])
  const wanted = (location.state as { section?: string } | null)?.section
  useEffect(() => {
    if (wanted === 'doctor') doctorAnchor.current?.scrollIntoView()
  }, [wanted])
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1>{t('settings.title')}</h1>
        {saving.kind === 'idle' ? (
          <span className={styles.autosave}>{t('settings.autosave')}</span>
        ) : (
          <SaveState saving={saving} />
        )}
      </header>
      <div className={styles.scroll}>
        <div className={styles.sections}>
          <EndpointSection />
          <KeysSection />
          <AppearanceSection />
          <EngineSection />
          <div ref={doctorAnchor}>
            <DoctorSection />
          </div>
          <p className={styles.about}>
            {version === null ? null : t('settings.version', { version })} · {t('settings.offline')}
          </p>
        </div>
      </div>
    </div>
  )
}
