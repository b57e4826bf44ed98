// What a bundler makes of the package, for a page that has none: its browser build as a module.
import './node_modules/@segment/analytics-next/dist/umd/index.js'

export const AnalyticsBrowser = window.AnalyticsNext.AnalyticsBrowser
