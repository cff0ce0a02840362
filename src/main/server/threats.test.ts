import { startFakeEndpoint } from './testing/endpoint.ts'
import { threatsSuite } from './testing/threats-suite.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

threatsSuite(async () => {
  const endpoint = await startFakeEndpoint()
  endpoint.replies.script = ({ model }) => (model === 'demo' ? {} : { refusal: new SwitchboardError('model_not_found', 'There is no model of this name.', { param: 'model' }) })
  return endpoint
})
