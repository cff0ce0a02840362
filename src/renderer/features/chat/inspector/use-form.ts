import { useEffect, useEffectEvent, useRef, useState } from 'react'
import type { AssistantValues } from '../../../../shared/domain/assistant.ts'
import type { Saving } from '../../../lib/saving.ts'
import { shownError } from '../../../lib/shown-error.ts'
import { useStores } from '../../../stores/stores.ts'
import { parseForm, textsOf, withoutStored, type Edits, type FieldName, type FormTexts } from './form-values.ts'

const REST_MS = 600

interface FormOptions {
  /** Under which edits are kept that could not be stored when the form was left. */
  readonly draftKey: string
  /** The values as they are stored; edits lie over them. */
  readonly stored: AssistantValues
  readonly named: boolean
  /** Stores the values. @throws SwitchboardError where they are refused. */
  readonly save: (values: AssistantValues) => Promise<void>
}

/** `invalid`: nothing is stored until every field is allowed. */
export type FormState = Saving | { readonly kind: 'invalid' }

export interface Form {
  readonly texts: FormTexts
  readonly invalid: ReadonlySet<FieldName>
  readonly state: FormState
  /** Changes a field. It is stored when the typing rests or the field is left. */
  readonly set: (field: FieldName, text: string, when?: 'resting' | 'leaving') => void
  /** Stores what was edited. Returns false where that was not possible. */
  readonly saveNow: () => Promise<boolean>
  /** Forgets what was edited and is not stored. */
  readonly discard: () => void
}

/** The fields of an assistant: stored as you go, all or nothing. */
export function useForm({ draftKey, stored, named, save }: FormOptions): Form {
  const { drafts } = useStores()
  const [edits, setEdits] = useState<Edits>(() => readDraft(drafts.read(draftKey)))
  const [saving, setSaving] = useState<Saving>({ kind: 'idle' })
  const latest = useRef(edits)
  const running = useRef<Promise<boolean> | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const change = (next: Edits): void => {
    latest.current = next
    setEdits(next)
  }
  const texts: FormTexts = { ...textsOf(stored), ...edits }
  const parsed = parseForm(texts, named)

  const store = useEffectEvent(async (): Promise<boolean> => {
    const sent = latest.current
    if (Object.keys(sent).length === 0) return true
    const form = parseForm({ ...textsOf(stored), ...sent }, named)
    if (form.kind === 'invalid') return false
    setSaving({ kind: 'saving' })
    try {
      await save(form.values)
      change(withoutStored(latest.current, sent))
      setSaving({ kind: 'saved' })
      return true
    } catch (thrown) {
      setSaving({ kind: 'failed', error: shownError(thrown) })
      return false
    }
  })
  const saveNow = useEffectEvent(async (): Promise<boolean> => {
    clearTimeout(timer.current)
    // One after the other: an answer to an earlier save must not arrive last.
    await running.current
    const mine = store()
    running.current = mine
    return await mine
  })
  useEffect(() => {
    drafts.write(draftKey, '')
    return () => {
      clearTimeout(timer.current)
      // What may not be stored is kept in this window; the rest is stored although the form is gone.
      void store().then((done) => {
        if (!done) drafts.write(draftKey, JSON.stringify(latest.current))
      })
    }
  }, [drafts, draftKey])

  return {
    texts,
    invalid: parsed.kind === 'invalid' ? parsed.fields : noFields,
    state: parsed.kind === 'invalid' ? { kind: 'invalid' } : saving,
    set: (field, text, when = 'resting') => {
      change({ ...latest.current, [field]: text })
      setSaving({ kind: 'idle' })
      clearTimeout(timer.current)
      if (when === 'resting') timer.current = setTimeout(() => void saveNow(), REST_MS)
    },
    saveNow: () => saveNow(),
    discard: () => {
      clearTimeout(timer.current)
      change({})
    },
  }
}

const noFields: ReadonlySet<FieldName> = new Set()

function readDraft(draft: string): Edits {
  if (draft === '') return {}
  try {
    return JSON.parse(draft) as Edits
  } catch {
    return {}
  }
}
