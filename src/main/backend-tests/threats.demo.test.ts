/** The suite of bad inputs, with the real engine. */
import { threatsSuite } from '../http/testing/threats-suite.ts'
import { startRealEndpoint } from './real-endpoint.ts'

threatsSuite(startRealEndpoint)
