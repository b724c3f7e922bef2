# Azure CLI, jq and the export script, for policy-export.yaml:
#
#     docker build --file deploy/kubernetes/policy-export.Dockerfile --tag "$REGISTRY/signin-policy-export:$IMAGE_TAG" deploy/azure
FROM mcr.microsoft.com/azure-cli:2.91.0
# The version is the distribution's: an image is built anew for its updates.
# hadolint ignore=DL3041
RUN tdnf install --assumeyes jq && tdnf clean all
COPY --chmod=0755 export-policies.sh /usr/local/bin/export-policies.sh
USER 65532:65532
