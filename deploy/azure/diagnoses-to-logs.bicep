// Azure Monitor reads the hub of the diagnoses into a table of a Log Analytics workspace, by a data
// collection rule (a preview of Microsoft's; docs/getting-started.md says what it asks for).
//
//     az deployment group create --resource-group signin-diagnostics \
//       --template-file deploy/azure/diagnoses-to-logs.bicep --parameters namespaceName=<namespace> workspaceName=<workspace>
targetScope = 'resourceGroup'

@description('Event Hubs namespace of main.bicep, in this resource group (its output namespaceName).')
param namespaceName string

@description('Log Analytics workspace, in this resource group.')
param workspaceName string

@description('Region of the workspace.')
param location string = resourceGroup().location

@description('Days that the table keeps diagnoses.')
@minValue(4)
@maxValue(730)
param retentionDays int = 30

var tableName = 'SignInDiagnoses_CL'
var outputHub = 'signin-diagnoses'
var reader = 'azure-monitor-logs'

// What is asked for most has a column of its own; the whole record is in Diagnosis.
var columns = [
  { name: 'TimeGenerated', type: 'datetime' }
  { name: 'DiagnosisId', type: 'string' }
  { name: 'SignInId', type: 'string' }
  { name: 'Category', type: 'string' }
  { name: 'Scenario', type: 'string' }
  { name: 'Outcome', type: 'string' }
  { name: 'Assessment', type: 'string' }
  { name: 'ErrorCode', type: 'int' }
  { name: 'UserName', type: 'string' }
  { name: 'UserId', type: 'string' }
  { name: 'Application', type: 'string' }
  { name: 'IpAddress', type: 'string' }
  { name: 'Diagnosis', type: 'dynamic' }
]

// A time of more than two days ago Azure Monitor replaces by the time at which it reads: the time of the
// sign-in stays in Diagnosis.event_time.
var transformation = '''
source
| extend record = parse_json(RawData)
| project
    TimeGenerated = iif(isnull(todatetime(record.event_time)), TimeGenerated, todatetime(record.event_time)),
    DiagnosisId = tostring(record.diagnosis_id),
    SignInId = tostring(record.sign_in_id),
    Category = tostring(record.category),
    Scenario = tostring(record.scenario),
    Outcome = tostring(record.outcome),
    Assessment = tostring(record.assessment),
    ErrorCode = toint(record.error.code),
    UserName = tostring(record.user.principal_name),
    UserId = tostring(record.user.id),
    Application = tostring(record.application.name),
    IpAddress = tostring(record.client.ip_address),
    Diagnosis = record
'''

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: workspaceName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = {
  parent: namespace
  name: outputHub
}

resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: hub
  name: reader
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2023-09-01' = {
  parent: workspace
  name: tableName
  properties: {
    retentionInDays: retentionDays
    schema: { name: tableName, columns: columns }
  }
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2022-06-01' = {
  name: 'signin-diagnoses'
  location: location
  properties: { networkAcls: { publicNetworkAccess: 'Enabled' } }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2022-06-01' = {
  name: 'signin-diagnoses'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    dataCollectionEndpointId: endpoint.id
    streamDeclarations: {
      // The columns that a message of a hub has here; others cannot be declared.
      'Custom-SignInDiagnoses': {
        columns: [
          { name: 'TimeGenerated', type: 'datetime' }
          { name: 'RawData', type: 'string' }
          { name: 'Properties', type: 'dynamic' }
        ]
      }
    }
    dataSources: {
      dataImports: {
        eventHub: { name: 'signin-diagnoses', consumerGroup: reader, stream: 'Custom-SignInDiagnoses' }
      }
    }
    destinations: {
      logAnalytics: [{ name: 'workspace', workspaceResourceId: workspace.id }]
    }
    dataFlows: [
      {
        streams: ['Custom-SignInDiagnoses']
        destinations: ['workspace']
        transformKql: transformation
        outputStream: 'Custom-${tableName}'
      }
    ]
  }
  dependsOn: [table, consumerGroup]
}

// Azure Event Hubs Data Receiver, on the hub of the diagnoses alone.
var receiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hub.id, 'signin-diagnoses-to-logs', receiver)
  scope: hub
  properties: {
    roleDefinitionId: receiver
    principalId: rule.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

// Reading begins with it, at the oldest diagnosis that the hub still has.
resource association 'Microsoft.Insights/dataCollectionRuleAssociations@2022-06-01' = {
  name: 'signin-diagnoses'
  scope: hub
  properties: { dataCollectionRuleId: rule.id }
  dependsOn: [mayRead]
}
