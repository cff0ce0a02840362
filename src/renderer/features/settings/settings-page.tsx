import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { PageHeader } from '../../ui/page-header.tsx'
import { PaletteField } from '../../ui/palette-field.tsx'
import { SaveState } from '../../ui/save-state.tsx'
import { AppearanceSection } from './appearance-section.tsx'
import { AssistantSection } from './assistant-section.tsx'
import { DoctorSection } from './doctor-section.tsx'
import { EndpointSection } from './endpoint-section.tsx'
import { EngineSection } from './engine-section.tsx'
import { KeysSection } from './keys-section.tsx'
import { ModelsSection } from './models-section.tsx'
import styles from './settings.module.css'

/** Everything the operator may change. Saved as it is changed. */
export function SettingsPage() {
  const { t } = useTranslation()
  const { settings, keys, doctor, status } = useStores()
  const saving = useStore(settings.store, (state) => state.saving)
  const version = useStore(status.store, (state) => state.info?.version ?? null)
  const location = useLocation()
  const sections = useRef<HTMLDivElement>(null)
  useEffect(() => {
    void keys.load()
    void doctor.load()
  }, [keys, doctor])
  // Banners, the status bar and the palette name the section they mean.
  const wanted = (location.state as { section?: string } | null)?.section
  useEffect(() => {
    if (wanted !== undefined) sections.current?.querySelector(`[data-section="${wanted}"]`)?.scrollIntoView()
  }, [wanted, location.key])
  return (
    <div className={styles.page}>
      <PageHeader title={t('settings.title')}>
        <SaveState saving={saving} />
        <div className={styles.paletteField}>
          <PaletteField />
        </div>
      </PageHeader>
      <div className={styles.scroll}>
        <div className={styles.sections} ref={sections}>
          <p className={styles.autosave}>{t('settings.autosave')}</p>
          <EndpointSection />
          <div data-section="keys">
            <KeysSection />
          </div>
          <AssistantSection />
          <div data-section="models">
            <ModelsSection />
          </div>
          <AppearanceSection />
          <div data-section="engine">
            <EngineSection />
          </div>
          <div data-section="doctor">
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
