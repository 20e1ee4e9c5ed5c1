"""The CDS Hooks service: it tells an EHR when a chart is worth a launch."""
