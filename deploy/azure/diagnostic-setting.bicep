// Streams the sign-in logs of the tenant to the hubs of main.bicep: one hub a category.
//
//     az deployment tenant create --location westeurope \
//       --template-file deploy/azure/diagnostic-setting.bicep \
//       --parameters authorizationRuleId="$(az deployment group show --resource-group signin-diagnostics \
//         --name main --query properties.outputs.authorizationRuleId.value --output tsv)"
//
// Whoever runs it needs Security Administrator in Entra ID, and the right to deploy at the root of
// the tenant; the same setting can be made by hand: docs/getting-started.md.
targetScope = 'tenant'

@description('Resource id of the rule azure-monitor of the namespace (output authorizationRuleId of main.bicep).')
param authorizationRuleId string

@description('Categories to stream. Each needs its hub in main.bicep and its topic in the settings.')
param categories array = [
  'SignInLogs'
  'NonInteractiveUserSignInLogs'
  'ServicePrincipalSignInLogs'
  'ManagedIdentitySignInLogs'
]

resource setting 'microsoft.aadiam/diagnosticSettings@2017-04-01' = {
  name: 'signin-diagnostics'
  properties: {
    eventHubAuthorizationRuleId: authorizationRuleId
    logs: [
      for category in categories: {
        // The published type knows two categories; the service knows them all.
        category: any(category)
        enabled: true
      }
    ]
  }
}
