"""What libraries say about their own models: inputs of Keras, `example_input_array` of Lightning, configurations of Hugging Face."""
