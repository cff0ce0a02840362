import type { EngineState } from './engine.ts'

/** One model in memory, on its way there, or failed. */
export interface ModelStatus {
  /** Catalog name. */
  readonly model: string
  readonly version: number
  /** See engineKey in target.ts: what `models.unload` is called with. */
  readonly key: string
  readonly state: EngineState
  /** When it entered this kind of state, milliseconds since the epoch. */
  readonly since: number
  /** Resident memory of its engine process, bytes; 0 while there is none. */
  readonly memoryBytes: number
}

/** Everything the status bar says, pushed whenever it changes. */
export interface AppStatus {
  /** Every model that is loaded, on its way or failed; the default model first, with the state `off` where it is not. */
  readonly models: readonly ModelStatus[]
  /** The model that answers where none is named. */
  readonly defaultModel: string
  /** The default model of the settings where it is gone and `defaultModel` stands in for it; otherwise null. */
  readonly missingDefaultModel: string | null
  /** Address programs call, such as `http://127.0.0.1:4317/v1`; null while the endpoint is not listening. */
  readonly endpointUrl: string | null
  /** Requests served since start, and open right now, through either door. */
  readonly requests: { readonly total: number; readonly active: number }
  /** Resident memory of the program without its engines, bytes. */
  readonly memoryBytes: number
}

/** What this machine has, as the doctor found it. */
export interface DoctorReport {
  readonly version: string
  readonly host: 'electron' | 'headless'
  readonly versions: {
    readonly node: string
    readonly sqlite: string
    readonly onnxruntime: string
    readonly electron: string | null
  }
  readonly platform: {
    readonly os: string
    readonly arch: string
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
  }
  readonly gpus: readonly {
    readonly name: string
    readonly memoryBytes: number | null
    readonly driver: string | null
  }[]
  readonly providers: readonly {
    readonly provider: 'cuda' | 'webgpu' | 'cpu'
    readonly usable: boolean
    readonly reason: string
  }[]
  readonly disk: { readonly home: string; readonly freeBytes: number }
  /**
   * Libraries CUDA needs and that were looked for in vain; null where the system does not keep them in known folders.
   */
  readonly missingLibraries: readonly string[] | null
  readonly checks: readonly DoctorCheck[]
}

/**
 * One thing that was looked at. The message is English, for the command line and for reports; the window says it in its
 * own words.
 */
export interface DoctorCheck {
  readonly name: 'runtime' | 'provider' | 'gpu' | 'cuda libraries' | 'disk'
  readonly ok: boolean
  readonly message: string
}
