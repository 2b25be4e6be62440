"""Put a trained model to work: the bundle it lives in, the predictor that answers, the HTTP service."""
