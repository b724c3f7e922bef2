// Event Hubs namespace with its hubs, an identity with the two rights that the service needs, and
// the service as a container app. Sizes follow from the number of users: deploy/azure/README.md.
//
//     az deployment group create --resource-group signin-diagnostics \
//       --template-file deploy/azure/main.bicep --parameters users=5000 image=<registry>/signin-diagnostics:0.1.0
//
// Later deployments give the same parameters again: what is left out goes back to its default.
targetScope = 'resourceGroup'

@description('Users of the tenant, guests who sign in included.')
@minValue(1)
@maxValue(5000000)
param users int

@description('Sign-ins of a user in a day, all streamed categories together. Measure yours: README.md.')
@minValue(1)
@maxValue(1000)
param eventsPerUserPerDay int = 15

@description('Image of the service. Empty: no container app, as where the service runs on AKS.')
param image string = ''

@description('Azure Container Registry of this resource group that the image is pulled from, by its name. Empty: a registry that asks nobody who they are.')
param registry string = ''

@description('Issuer of the AKS cluster (oidcIssuerProfile.issuerUrl), for workload identity. Empty: none.')
param aksIssuer string = ''

@description('Namespace and service account of the chart on that cluster, as namespace:account.')
param aksServiceAccount string = 'signin-diagnostics:signin-diagnostics'

param location string = resourceGroup().location
param name string = 'signin-${uniqueString(resourceGroup().id)}'

@description('Partitions of each hub, by the table in README.md. Standard cannot change them later, so they do not follow users.')
@minValue(1)
@maxValue(32)
param partitions int = 8

@description('Days that the service may be down without a loss. Standard keeps at most 7.')
@minValue(1)
@maxValue(7)
param inputRetentionDays int = 7

@description('Days that diagnoses and dead letters can be read. Standard keeps at most 7.')
@minValue(1)
@maxValue(7)
param retentionDays int = 7

// A Kafka client asks a broker which brokers there are before it asks for a topic. Event Hubs was reported
// to close the connection on that, where the role is on a hub (Azure/azure-event-hubs-for-kafka, issue 159).
@description('Where the identity has its two roles: on the namespace, which works; or on each hub, which is less, and which check --online has to be run for. Azure keeps roles that a later deployment no longer gives.')
@allowed(['namespace', 'hubs'])
param roleScope string = 'namespace'

@description('Keep the diagnoses in a data lake: a storage account, to which the hub writes Avro files by itself.')
param capture bool = false

@description('Days after which the files of the data lake are deleted.')
@minValue(1)
param captureDays int = 90

@description('Days that the log of the container app is kept.')
@minValue(30)
@maxValue(730)
param logDays int = 30

// What is streamed: a hub each, by the name that the diagnostic setting uses.
var inputHubs = [
  'insights-logs-signinlogs'
  'insights-logs-noninteractiveusersigninlogs'
  'insights-logs-serviceprincipalsigninlogs'
  'insights-logs-managedidentitysigninlogs'
]
var outputHub = 'signin-diagnoses'
var deadLetterHub = 'signin-dead-letters'

// 12 KB a sign-in and 4 KB a diagnosis, three times the mean at the peak; a throughput unit takes
// 1,000 KB a second.
var peakKilobytes = users * eventsPerUserPerDay * 3 * 16 / 86400
var throughputUnits = min(40, max(1, (peakKilobytes + 999) / 1000))

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  sku: { name: 'Standard', tier: 'Standard', capacity: throughputUnits }
  identity: capture ? { type: 'UserAssigned', userAssignedIdentities: { '${captor.id}': {} } } : { type: 'None' }
  properties: {
    kafkaEnabled: true
    minimumTlsVersion: '1.2'
    // Azure Monitor writes by a rule of the namespace, so keys cannot be switched off.
    disableLocalAuth: false
    // An outage is caught up faster than the units for the day would allow.
    isAutoInflateEnabled: true
    maximumThroughputUnits: min(40, throughputUnits * 4)
  }
}

resource inputs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [
  for hub in inputHubs: {
    parent: namespace
    name: hub
    properties: {
      partitionCount: partitions
      retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: inputRetentionDays * 24 }
    }
  }
]

resource output 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: outputHub
  properties: union(
    {
      partitionCount: partitions
      retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionDays * 24 }
    },
    capture ? { captureDescription: captureDescription } : {}
  )
  dependsOn: [mayCapture, container]
}

resource deadLetters 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: deadLetterHub
  properties: {
    partitionCount: 1
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionDays * 24 }
  }
}

// The data lake, and an identity of its own that writes it: the service has no right there.
var captureDescription = {
  enabled: true
  encoding: 'Avro'
  intervalInSeconds: 300
  sizeLimitInBytes: 314572800
  skipEmptyArchives: true
  destination: {
    name: 'EventHubArchive.AzureBlockBlob'
    identity: { type: 'UserAssigned', userAssignedIdentity: captor.id }
    properties: {
      storageAccountResourceId: lake.id
      blobContainer: outputHub
      archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
    }
  }
}

resource captor 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (capture) {
  name: '${name}-capture'
  location: location
}

resource lake 'Microsoft.Storage/storageAccounts@2023-05-01' = if (capture) {
  name: 'signin${uniqueString(resourceGroup().id)}'
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    isHnsEnabled: true
    minimumTlsVersion: 'TLS1_2'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = if (capture) {
  parent: lake
  name: 'default'
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = if (capture) {
  parent: blobs
  name: outputHub
}

resource expiry 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = if (capture) {
  parent: lake
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'expiry'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${outputHub}/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: captureDays } } }
          }
        }
      ]
    }
  }
}

// Storage Blob Data Contributor.
var blobWriter = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')

resource mayCapture 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (capture) {
  name: guid(resourceGroup().id, 'capture', blobWriter)
  scope: lake
  properties: {
    roleDefinitionId: blobWriter
    principalId: captor.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// What the diagnostic setting writes by: it asks for all three rights.
resource writer 'Microsoft.EventHub/namespaces/authorizationRules@2024-01-01' = {
  parent: namespace
  name: 'azure-monitor'
  properties: { rights: ['Listen', 'Manage', 'Send'] }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
}

resource federation 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (!empty(aksIssuer)) {
  parent: identity
  name: 'aks'
  properties: {
    issuer: aksIssuer
    subject: 'system:serviceaccount:${aksServiceAccount}'
    audiences: ['api://AzureADTokenExchange']
  }
}

// Azure Event Hubs Data Receiver and Data Sender; AcrPull.
var receiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
var sender = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2b629674-e913-4c01-ae53-ef4638d8f975')

var puller = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')

resource mayReadAll 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (roleScope == 'namespace') {
  name: guid(namespace.id, identity.id, receiver)
  scope: namespace
  properties: {
    roleDefinitionId: receiver
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource mayWriteAll 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (roleScope == 'namespace') {
  name: guid(namespace.id, identity.id, sender)
  scope: namespace
  properties: {
    roleDefinitionId: sender
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (hub, index) in inputHubs: if (roleScope == 'hubs') {
    name: guid(namespace.id, hub, identity.id, receiver)
    scope: inputs[index]
    properties: {
      roleDefinitionId: receiver
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource mayWriteDiagnoses 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (roleScope == 'hubs') {
  name: guid(output.id, identity.id, sender)
  scope: output
  properties: {
    roleDefinitionId: sender
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource mayWriteDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (roleScope == 'hubs') {
  name: guid(deadLetters.id, identity.id, sender)
  scope: deadLetters
  properties: {
    roleDefinitionId: sender
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource images 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = if (!empty(registry)) {
  name: empty(registry) ? 'none00' : registry
}

resource mayPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(registry)) {
  name: guid(images.id, identity.id, puller)
  scope: images
  properties: {
    roleDefinitionId: puller
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = if (!empty(image)) {
  name: name
  location: location
  properties: { sku: { name: 'PerGB2018' }, retentionInDays: logDays }
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' = if (!empty(image)) {
  name: name
  location: location
  // By the diagnostic setting below: this way no key of the workspace is in the environment.
  properties: { appLogsConfiguration: { destination: 'azure-monitor' } }
}

resource logging 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(image)) {
  name: 'signin-diagnostics'
  scope: environment
  properties: {
    workspaceId: logs.id
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
  }
}

resource service 'Microsoft.App/containerApps@2024-03-01' = if (!empty(image)) {
  name: 'signin-diagnostics'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    managedEnvironmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      registries: empty(registry) ? [] : [{ server: images.properties.loginServer, identity: identity.id }]
      // /metrics for a Prometheus in the same environment, and for nobody outside. It scrapes by HTTP.
      ingress: { external: false, targetPort: 9464, transport: 'http', allowInsecure: true }
    }
    template: {
      // Above delivery.drain_timeout (20 s) and the 5 s in which the clients close.
      terminationGracePeriodSeconds: 40
      // One: the ingress gives each scrape to any replica, and counters of two would jump.
      scale: { minReplicas: 1, maxReplicas: 1 }
      containers: [
        {
          name: 'signin-diagnostics'
          image: image
          args: ['run', '--config', '/usr/share/signin-diagnostics/container.toml', '--config', '/etc/signin-diagnostics/event-hubs.toml']
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: [
            { name: 'SIGNIN_DIAGNOSTICS__WORKERS', value: '2' }
            { name: 'SIGNIN_DIAGNOSTICS__KAFKA__BOOTSTRAP_SERVERS', value: '${name}.servicebus.windows.net:9093' }
            { name: 'SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__MECHANISM', value: 'oauthbearer' }
            { name: 'SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__IDENTITY', value: 'managed' }
            { name: 'SIGNIN_DIAGNOSTICS__KAFKA__SECURITY__CLIENT_ID', value: identity.properties.clientId }
            { name: 'SIGNIN_DIAGNOSTICS__INPUT__TOPICS', value: join(inputHubs, ',') }
            { name: 'SIGNIN_DIAGNOSTICS__OUTPUT__TOPIC', value: outputHub }
            { name: 'SIGNIN_DIAGNOSTICS__DEAD_LETTER__TOPIC', value: deadLetterHub }
          ]
          probes: [
            { type: 'Liveness', httpGet: { path: '/livez', port: 9464 }, periodSeconds: 10, failureThreshold: 3 }
            { type: 'Readiness', httpGet: { path: '/readyz', port: 9464 }, periodSeconds: 10 }
          ]
        }
      ]
    }
  }
  dependsOn: [mayPull, mayReadAll, mayWriteAll, mayRead, mayWriteDiagnoses, mayWriteDeadLetters]
}

output bootstrapServers string = '${name}.servicebus.windows.net:9093'
output authorizationRuleId string = writer.id
output clientId string = identity.properties.clientId
output namespaceName string = name
output outputHubId string = output.id
output workspaceName string = empty(image) ? '' : logs.name
output lakeName string = capture ? lake.name : ''
output partitionsOfAHub int = partitions
output throughputUnitsOfTheNamespace int = throughputUnits
